"""Draws on disk: whole files only, another bootstrap refused, a killed run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.fits import fit_of

from ilk.errors import DataError
from ilk.inference.bootstrap.engine import bootstrap

SCRIPT = """
import sys, time
import numpy as np
from tests.fits import fit_of
from ilk.inference.bootstrap.engine import bootstrap

def slow(fitted):
    time.sleep(float(sys.argv[2]))
    return fitted.coef

found = bootstrap(fit_of("cbpp").fitted, slow, draws=40, seed=7, path=sys.argv[1], name="slow")
np.save(sys.argv[3], found.values)
"""


def coefficients(fitted):
    return fitted.coef


def draws(path, name="cbpp", **options):
    return bootstrap(
        fit_of(name).fitted, coefficients, **{"draws": 8, "seed": 1, "path": path, **options}
    )


def test_draws_are_kept_and_taken_up(tmp_path):
    path = tmp_path / "boot.ilk"
    first = draws(path)
    plain = draws(None)
    np.testing.assert_array_equal(first.values, plain.values)
    calls = []

    def counted(fitted):
        calls.append(1)
        return fitted.coef

    fitted = fit_of("cbpp").fitted
    more = bootstrap(fitted, counted, draws=13, seed=None, path=path)
    assert len(calls) == 1 + 5  # the fit itself, and what was not there yet
    assert more.seed == 1
    np.testing.assert_array_equal(more.values, draws(None, draws=13).values)
    fewer = draws(path, draws=3)
    np.testing.assert_array_equal(fewer.values, plain.values[:3])


def test_failures_are_kept_too(tmp_path):
    turn = iter(range(100))

    def statistic(fitted):
        if next(turn) == 3:
            raise ZeroDivisionError("nothing there")
        return np.append(fitted.coef, np.nan)

    fitted = fit_of("cbpp").fitted
    first = bootstrap(fitted, statistic, draws=6, seed=1, path=tmp_path / "b")
    again = bootstrap(fitted, statistic, draws=6, seed=1, path=tmp_path / "b")
    assert first.reasons == again.reasons == {"nothing there": 1}
    np.testing.assert_array_equal(first.values, again.values)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_the_same(tmp_path):
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}

    def start(pause, out):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "b"), pause, str(out)]
        return subprocess.Popen(command, env=environment, cwd=root)

    process = start("0.3", tmp_path / "never.npy")
    limit = time.monotonic() + 60
    while len(list((tmp_path / "b").glob("draws-*.json"))) < 4 and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = sum(
        len(json.loads(file.read_text())["draws"]) for file in (tmp_path / "b").glob("draws-*")
    )
    assert 4 <= stored < 40
    assert start("0", tmp_path / "resumed.npy").wait() == 0
    fresh = bootstrap(fit_of("cbpp").fitted, coefficients, draws=40, seed=7)
    np.testing.assert_array_equal(np.load(tmp_path / "resumed.npy"), fresh.values)


@pytest.mark.slow
def test_an_interrupt_stops_within_a_second_and_keeps_what_is_there(tmp_path):
    root = Path(__file__).parents[3]
    script = SCRIPT.replace("name=", "n_jobs=2, name=")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "b"), "0.2", str(tmp_path / "x.npy")],
        env=environment,
        cwd=root,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + 60
    while len(list((tmp_path / "b").glob("draws-*.json"))) < 3 and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    errors = process.communicate(timeout=30)[1]
    assert time.monotonic() - began < 2.0  # a second, and the end of the interpreter
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert len(list((tmp_path / "b").glob("draws-*.json"))) >= 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, r"another bootstrap \(seed 1, not 2\)"),
        ({"kind": "cluster"}, r"kind 'parametric', not 'cluster'"),
        ({"estimand": "conditional"}, "estimand 'population', not 'conditional'"),
        ({"name": "sleepstudy"}, "other data, another model or another statistic"),
    ],
)
def test_another_bootstrap_is_refused(tmp_path, change, words):
    draws(tmp_path / "b")
    with pytest.raises(DataError, match=words):
        draws(tmp_path / "b", **change)


def test_other_data_of_the_same_model_are_refused(tmp_path):
    fitted = fit_of("cbpp").fitted
    draws(tmp_path / "b")
    from ilk.estimation.run import refit

    y = fitted.design.response.y.copy()
    y[0] += 1
    with pytest.raises(DataError, match="other data"):
        bootstrap(refit(fitted, y), coefficients, draws=8, seed=1, path=tmp_path / "b")


def test_places_that_are_no_store_are_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.doc").write_text("mine")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "bootstrap.json").write_text("[1, 2]")
    for name in ("file", "folder", "odd"):
        with pytest.raises(DataError, match="exists and is no bootstrap of ilk"):
            draws(tmp_path / name)
    assert (tmp_path / "folder" / "thesis.doc").read_text() == "mine"
    with pytest.raises(DataError, match="cannot be written"):
        draws(tmp_path / "file" / "below")


@pytest.mark.parametrize(
    "content",
    [
        '{"draws": {"0": [1.0]}}',
        '{"draws": {"-1": [1, 1, 1, 1]}}',
        '{"draws": {"x": [1, 1, 1, 1]}}',
        '{"draws": {"0": [1, 1, 1, "one"]}}',
        '{"draws": 3}',
        "[]",
        '{"draws": {"0": [1, 1',
        '{"draws": {"0": [1, 1, 1, 1e999]}}',
    ],
)
def test_damaged_files_are_named(tmp_path, content):
    draws(tmp_path / "b")
    file = next((tmp_path / "b").glob("draws-*"))
    file.write_text(content)
    with pytest.raises(DataError, match=f"{file.name} is damaged"):
        draws(tmp_path / "b")
    file.unlink()
    np.testing.assert_array_equal(draws(tmp_path / "b").values, draws(None).values)


def test_nothing_is_left_beside_the_chunks(tmp_path):
    draws(tmp_path / "b")
    names = sorted(file.name for file in (tmp_path / "b").iterdir())
    assert names[0] == "bootstrap.json"
    assert all(name.startswith("draws-") for name in names[1:])


def test_standardization_keeps_its_draws(tmp_path):
    fit = fit_of("binary")
    options = {"uncertainty": "bootstrap", "draws": 40, "seed": 1}
    first = fit.standardize("sex", path=tmp_path / "b", **options).frame
    again = fit.standardize("sex", path=tmp_path / "b", **options).frame
    np.testing.assert_array_equal(first.std_error, again.std_error)
    np.testing.assert_array_equal(
        first.std_error, fit.standardize("sex", **options).frame.std_error
    )
    with pytest.raises(DataError, match="another bootstrap"):
        fit.standardize("x", path=tmp_path / "b", **options)
