"""The effect plot: two answers side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ilk
from ilk.errors import DataError
from ilk.plot import draw_effect, effect, effect_table, reference_row
from ilk.plot.effects import merge_alike


def test_reference_row(fake_fit) -> None:
    row = reference_row(fake_fit.data)
    assert row["month"] == pytest.approx(11.5)
    assert row["policy"] in (0, 1)
    assert row["hospital"] in fake_fit.levels


def test_binary_variable(fake_fit) -> None:
    table = effect_table(fake_fit, fake_fit.data, "policy", at={"patient_days": 1000.0})
    assert table.values == (0, 1)
    assert not table.continuous
    assert table.held["patient_days"] == 1000.0
    typical, population = table.mean
    np.testing.assert_allclose(population / typical, np.exp(0.5 * fake_fit.sd**2))
    np.testing.assert_allclose(typical[1] / typical[0], np.exp(-0.35))


def test_number(fake_fit) -> None:
    table = effect_table(fake_fit, fake_fit.data, "severity", points=20)
    assert table.continuous
    assert table.values[0] == fake_fit.data["severity"].min()
    assert table.mean.shape == (2, 20)


def test_conditional_is_drawn_for_the_cluster_held(fake_fit) -> None:
    table = effect_table(
        fake_fit, fake_fit.data, "policy", at={"hospital": "H09"}, estimands=("conditional",)
    )
    typical = effect_table(fake_fit, fake_fit.data, "policy", estimands=("typical",))
    b = fake_fit.b[fake_fit.levels.index("H09")]
    np.testing.assert_allclose(table.mean, np.exp(b) * typical.mean)


def test_labels_move_too(fake_fit) -> None:
    table = effect_table(fake_fit, fake_fit.data, "hospital", estimands=("conditional",))
    assert table.values == tuple(fake_fit.levels)


def test_unknown_column(fake_fit) -> None:
    with pytest.raises(DataError, match="Did you mean 'policy'"):
        effect_table(fake_fit, fake_fit.data, "polcy")


@pytest.mark.parametrize("variable", ["policy", "severity", "hospital"])
def test_draws(fake_fit, variable: str) -> None:
    axis = effect(fake_fit, fake_fit.data, variable)
    axis.figure.canvas.draw()
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["typical", "population"]


def test_unit_of_the_picture(fake_fit) -> None:
    table = effect_table(fake_fit, fake_fit.data, "policy", at={"patient_days": 1.0})
    axis = draw_effect(table, ylabel="infections per 1000 days", per=1000.0)
    assert 0.5 < axis.get_ylim()[1] < 10.0


def test_alike_means_are_one_row(fake_fit) -> None:
    table = effect_table(fake_fit, fake_fit.data, "policy")
    assert merge_alike(table) is table
    same = replace(table, mean=table.mean[[0, 0]])
    merged = merge_alike(same)
    assert merged.estimands == ("typical = population",)
    draw_effect(merged).figure.canvas.draw()


def test_a_few_numbers_keep_their_distances(fake_fit) -> None:
    data = fake_fit.data[fake_fit.data["month"].isin([0, 2, 12])]
    table = effect_table(fake_fit, data, "month")
    assert table.values == (0, 2, 12)
    axis = draw_effect(table)
    assert list(axis.get_xticks()) == [0, 2, 12]


@pytest.mark.parametrize("argument", ["trials", "precision_weights"])
def test_numbers_of_trials_are_held_at_a_whole_number(argument: str) -> None:
    rng = np.random.default_rng(4)
    herd, size = np.repeat(np.arange(12), 3), rng.integers(3, 20, 36)
    cases = rng.binomial(size, 0.3)
    data = pd.DataFrame(
        {"herd": herd, "size": size, "x": rng.normal(size=36), "share": cases / size, "y": cases}
    )
    response = "y" if argument == "trials" else "share"
    fit = ilk.fit(f"{response} ~ x + (1 | herd)", data, "binomial", **{argument: "size"})
    table = effect_table(fit, data, "x", points=3)
    assert table.held["size"] == round(size.mean()) != size.mean()
    at = {name: [value] for name, value in table.held.items()} | {"x": [table.values[0]]}
    expected = fit.predict(at, estimand="typical").estimate[0]
    assert table.mean[0, 0] == pytest.approx(expected)
