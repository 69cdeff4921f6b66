"""Pictures of the checks of a fit, each alone or all on a panel.

A picture is made of the numbers that its check keeps (`Check.detail`).  To add one, write a
function of a check and an axis, and name it in `PICTURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ilk.errors import ModelError, did_you_mean
from ilk.plot.covariate_residuals import draw_covariate
from ilk.plot.effects_qq import draw_effects_qq
from ilk.plot.influence import draw_influence_check
from ilk.plot.style import BLUE, FAINT, INK, MUTED, ORANGE, drawing, new_panels, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ilk.diagnostics.checks.record import Check, Checks
    from ilk.typing import FloatArray

__all__ = ["PICTURES", "Picture", "draw_checks"]

_POINTS = 5000
"""Points of a cloud at most; the lines are of all."""


def draw_quantiles(check: Check, ax: Axes) -> None:
    """Draw quantiles of residuals against those of the uniform distribution."""
    found = _detail(check)
    x = found["expected"]
    ax.fill_between(x, found["low"], found["high"], color=FAINT, linewidth=0.0, zorder=1)
    ax.plot([0.0, 1.0], [0.0, 1.0], color=MUTED, linewidth=0.9, zorder=2)
    color = ORANGE if check.verdict in ("note", "problem") else BLUE
    ax.plot(x, found["observed"], color=color, linewidth=1.6, zorder=3)
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.0)
    ax.set_xlabel("expected position")
    ax.set_ylabel("position of the response")


def draw_pattern(check: Check, ax: Axes) -> None:
    """Draw residuals against fitted values, with their quartiles in groups."""
    found = _detail(check)
    fitted, residual = found["fitted"], found["residual"]
    if len(fitted) > _POINTS:
        chosen = np.random.default_rng(0).choice(len(fitted), _POINTS, replace=False)
        fitted, residual = fitted[chosen], residual[chosen]
    ax.scatter(fitted, residual, s=5, color=MUTED, alpha=0.35, linewidth=0.0, zorder=2)
    for q in range(3):
        low, high = found["low"][:, q], found["high"][:, q]
        ax.fill_between(found["at"], low, high, color=FAINT, alpha=0.6, linewidth=0.0, zorder=1)
        outside = np.any((found["quartiles"][:, q] < low) | (found["quartiles"][:, q] > high))
        color = ORANGE if outside and check.verdict in ("note", "problem") else BLUE
        ax.plot(found["at"], found["quartiles"][:, q], color=color, linewidth=1.5, zorder=3)
    _log_where_skewed(ax, found["at"])
    ax.set_ylim(0.0, 1.0)
    ax.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
    ax.set_xlabel("fitted value")
    ax.set_ylabel("position of the response")


def draw_mean_and_variance(check: Check, ax: Axes) -> None:
    """Draw the variance of groups of like fitted values against their mean."""
    found = _detail(check)
    if "mean" not in found:
        draw_simulated(check, ax)
        return
    x, order = np.sort(found["mean"]), np.argsort(found["mean"])
    low, high = found["variance_low"][order], found["variance_high"][order]
    seen = found["variance"][order]
    ax.fill_between(x, low, high, color=FAINT, linewidth=0.0, zorder=1)
    ax.plot(x, found["variance_expected"][order], color=MUTED, linewidth=1.1, zorder=2)
    outside = (seen < low) | (seen > high)
    ax.scatter(x[~outside], seen[~outside], s=24, color=BLUE, linewidth=0.0, zorder=3)
    ax.scatter(x[outside], seen[outside], s=28, color=ORANGE, marker="D", linewidth=0.0, zorder=3)
    if np.all(x > 0.0) and x[-1] > 10.0 * x[0] and np.all(seen > 0.0):
        ax.set_xscale("log")
        ax.set_yscale("log")
    ax.set_xlabel("mean of a group of like fitted values")
    ax.set_ylabel("variance around the fitted values")


def draw_simulated(check: Check, ax: Axes) -> None:
    """Draw the distribution of a statistic in the simulated data sets, and the observed one."""
    found = _detail(check)
    simulated = np.asarray(found["simulated"])
    whole = np.all(simulated == np.rint(simulated))
    bins: Any = min(25, max(8, round(len(simulated) ** 0.5)))
    if whole and np.ptp(simulated) < 30:
        bins = np.arange(simulated.min() - 0.5, simulated.max() + 1.5)
    ax.hist(simulated, bins=bins, color=FAINT, edgecolor="none", zorder=2)
    color = ORANGE if check.verdict in ("note", "problem") else BLUE
    ax.axvline(check.statistic, color=color, linewidth=2.0, zorder=3)
    ax.set_xlabel(
        "zeros (line: the data)" if check.code == "zeros" else "variance ratio (line: the data)"
    )
    ax.set_ylabel("simulated data sets")
    ax.locator_params(axis="y", integer=True)


def draw_lags(check: Check, ax: Axes) -> None:
    """Draw the correlation of residuals with those of earlier times."""
    found = _detail(check)
    lag, seen = found["lag"], found["correlation"]
    ax.fill_between(lag, found["low"], found["high"], color=FAINT, linewidth=0.0, zorder=1)
    outside = (seen < found["low"]) | (seen > found["high"])
    colors = [ORANGE if one else BLUE for one in outside]
    ax.axhline(0.0, color=MUTED, linewidth=0.9, zorder=2)
    ax.vlines(lag, 0.0, seen, colors=colors, linewidth=2.0, zorder=3)
    ax.scatter(lag, seen, c=colors, s=20, linewidth=0.0, zorder=4)
    reach = 1.2 * max(0.2, float(np.max(np.abs([seen, found["low"], found["high"]]))))
    ax.set_ylim(-reach, reach)
    ax.set_xticks(lag)
    ax.set_xlabel("steps apart")
    ax.set_ylabel("correlation of residuals")


def draw_neighbors(check: Check, ax: Axes) -> None:
    """Draw the mean residual of the neighbors of each unit against its own."""
    found = _detail(check)
    x, y = found["score"], found["lag"]
    color = ORANGE if check.verdict in ("note", "problem") else BLUE
    slope, base = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    ax.axhline(0.0, color=FAINT, linewidth=0.9, zorder=0)
    ax.scatter(x, y, s=10, color=MUTED, alpha=0.5, linewidth=0.0, zorder=1)
    ax.plot(ends, base + slope * ends, color=color, linewidth=1.8, zorder=2)
    ax.set_xlabel("residual, as a normal score")
    ax.set_ylabel("mean of its neighbors")


def draw_outliers(check: Check, ax: Axes) -> None:
    """Draw how far outside the most extreme observations are."""
    found = _detail(check)
    score = found["score"][:20]
    place = np.arange(len(score), dtype=float)[::-1]
    color = ORANGE if check.verdict in ("note", "problem") else BLUE
    ax.axvline(0.0, color=MUTED, linewidth=0.9, zorder=1)
    ax.hlines(place, 0.0, score, color=color, alpha=0.6, linewidth=1.2, zorder=2)
    ax.scatter(score, place, s=16, color=color, linewidth=0.0, zorder=3)
    ax.set_yticks(place, [printable(row) for row in found["row"][: len(score)]], fontsize=7)
    ax.set_xlabel("residual, as a normal score")
    ax.set_ylabel("row")


def _detail(check: Check) -> Mapping[str, FloatArray]:
    return check.detail or {}


def _log_where_skewed(ax: Axes, values: FloatArray) -> None:
    if np.all(values > 0.0) and values.max() > 20.0 * values.min():
        ax.set_xscale("log")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one check.

    Parameters
    ----------
    code : str
        Code of the check.
    needs : str
        What its detail must hold.
    draw : callable
        Takes the check and an axis.
    title : str
        Above the picture on a panel.
    """

    code: str
    needs: str
    draw: Callable[[Check, Axes], None]
    title: str


PICTURES: Mapping[str, Picture] = {
    "qq": Picture("uniformity", "observed", draw_quantiles, "Residuals"),
    "pattern": Picture("pattern", "fitted", draw_pattern, "Residuals and fitted values"),
    "dispersion": Picture("dispersion", "mean", draw_mean_and_variance, "Mean and variance"),
    "zeros": Picture("zeros", "simulated", draw_simulated, "Zeros"),
    "groups": Picture("groups", "observed", draw_quantiles, "Totals"),
    "time": Picture("time", "lag", draw_lags, "Neighbors in time"),
    "space": Picture("space", "score", draw_neighbors, "Neighbors in space"),
    "related": Picture("related", "score", draw_neighbors, "Related levels"),
    "outliers": Picture("outliers", "score", draw_outliers, "Outliers"),
    "covariates": Picture("covariates", "curve", draw_covariate, "Residuals and covariate"),
    "effects": Picture("effects", "quantile", draw_effects_qq, "Random effects"),
    "influence": Picture("influence", "cook", draw_influence_check, "Influence"),
}
"""Pictures by kind."""


def pictured(checks: Checks, kind: str) -> list[Check]:
    """Checks that a kind of picture can be made of, the worst first.

    Parameters
    ----------
    checks : Checks
        All checks.
    kind : str
        A name of `PICTURES`.

    Returns
    -------
    list of Check
    """
    picture, order = PICTURES[kind], ("problem", "note", "ok", "skipped")
    able = [c for c in checks[picture.code] if c.detail and picture.needs in c.detail]
    return sorted(able, key=lambda one: order.index(one.verdict))


def draw_checks(checks: Checks, kind: str | None = None, ax: Any = None) -> Any:
    """Draw one picture, or a panel of all.

    Parameters
    ----------
    checks : Checks
        What was found.
    kind : str, optional
        A name of `PICTURES`; a panel by default.
    ax : matplotlib axes, optional
        Where to draw one picture.

    Returns
    -------
    matplotlib axes, or an array of them
    """
    if kind is not None:
        return _draw_one(checks, kind, ax)
    if ax is not None:
        raise ModelError("A panel needs axes of its own; with ax= give kind= too.", code="picture")
    kinds = [name for name in PICTURES if pictured(checks, name)]
    if not kinds:
        raise ModelError("No check of this answer has a picture.", code="picture")
    panels = new_panels(len(kinds), 3, 4.0, 3.3)
    for name, axis in zip(kinds, panels, strict=True):
        _draw_one(checks, name, axis)
    return panels


def _draw_one(checks: Checks, kind: str, ax: Any) -> Any:
    if kind not in PICTURES:
        raise ModelError(
            f"kind={kind!r:.60}: there are {', '.join(PICTURES)}." + did_you_mean(kind, PICTURES),
            code="picture",
        )
    found = pictured(checks, kind)
    if not found:
        raise ModelError(
            f"kind={kind!r}: the check {PICTURES[kind].code!r} was not made or has no picture.",
            code="picture",
        )
    where = f": {printable(found[0].where)}" if found[0].where else ""
    with drawing(ax, 5.2, 4.0) as axis:
        PICTURES[kind].draw(found[0], axis)
        axis.set_title(f"{PICTURES[kind].title}{where}", color=INK, fontsize=10, loc="left")
    return axis
