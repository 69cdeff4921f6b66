"""The data sets: fingerprints, recipes, flavors."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from ilk import datasets
from ilk.datasets import simulate
from ilk.datasets.catalog import CATALOG
from ilk.errors import DataError


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_fingerprint(name: str) -> None:
    data = datasets.text(name).encode()
    assert hashlib.sha256(data).hexdigest() == CATALOG[name].sha256


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_the_recipe_makes_the_file_again(name: str) -> None:
    assert simulate.as_csv(simulate.RECIPES[name]()) == datasets.text(name)


def test_every_recipe_is_in_the_catalog() -> None:
    assert set(simulate.RECIPES) == set(CATALOG)
    assert all(name == dataset.name for name, dataset in CATALOG.items())


def test_the_script_writes_all_files(tmp_path) -> None:
    simulate.main([str(tmp_path)])
    assert sorted(path.stem for path in tmp_path.iterdir()) == list(datasets.names())


@pytest.mark.parametrize("flavor", ["pandas", "polars", "pyarrow", "dict"])
@pytest.mark.parametrize("name", sorted(CATALOG))
def test_flavors_agree(name: str, flavor: str) -> None:
    if flavor != "dict":
        pytest.importorskip(flavor)
    reference = datasets.load(name, "dict")
    data = datasets.load(name, flavor)
    dataset = datasets.describe(name)
    assert [column.name for column in dataset.columns] == list(reference)
    for column, values in reference.items():
        assert len(values) == dataset.rows
        np.testing.assert_array_equal(np.asarray(data[column]), values)


def test_text_columns_are_text() -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    assert str(datasets.load("pond_newts", "polars")["fish"].dtype) == "String"
    assert str(datasets.load("pond_newts", "pyarrow")["fish"].type) == "string"


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(DataError, match="Did you mean 'hospital_infections'") as caught:
        datasets.load("hospital_infection")
    assert caught.value.code == "unknown-dataset"


def test_unknown_flavor() -> None:
    with pytest.raises(DataError, match="'panda' is not known"):
        datasets.load("pond_newts", "panda")


def test_description_is_complete() -> None:
    printed = str(datasets.describe("hospital_infections"))
    assert "patient_days" in printed
    assert "policy = -0.35" in printed
    assert "simulated by" in printed


def test_small_hospitals_without_infections_exist() -> None:
    data = datasets.load("hospital_infections", "dict")
    total = {
        hospital: data["infections"][data["hospital"] == hospital].sum()
        for hospital in np.unique(data["hospital"])
    }
    assert sum(count == 0 for count in total.values()) >= 3
