"""Covariance structures on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.unit.cli.test_cli import call

from ilk.cli.covariance import read_structure

NEWICK = "((a:1,b:1):1,(c:1,d:1):1);"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("structures")
    rng = np.random.default_rng(1)
    levels = np.repeat(list("abcd"), 8)
    shift = dict(zip("abcd", [1.5, 1.1, -1.0, -0.6], strict=True))
    frame = pd.DataFrame(
        {
            "cell": levels,
            "x": np.repeat([0.0, 1.0, 5.0, 6.0], 8),
            "y": np.repeat([0.0, 0.5, 3.0, 2.0], 8),
            "size": [shift[c] for c in levels] + 0.4 * rng.normal(size=32),
        }
    )
    frame.to_csv(place / "data.csv", index=False)
    (place / "lineage.nwk").write_text(NEWICK)
    pd.DataFrame(
        {"individual": list("abcd"), "sire": ["", "", "a", "a"], "dam": ["", "", "b", "b"]}
    ).to_csv(place / "ped.csv", index=False)
    pd.DataFrame({"first": list("abc"), "second": list("bcd")}).to_csv(
        place / "borders.csv", index=False
    )
    V = 0.5 * np.eye(4) + 0.5
    pd.DataFrame(V, columns=list("abcd"), index=list("abcd")).to_csv(place / "V.csv")
    return place


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ("tree:{}/lineage.nwk", "Brownian motion along a tree of 4 tips"),
        ("tree:{}/lineage.nwk,model=pagel", "lambda"),
        ("pedigree:{}/ped.csv", "additive relatedness in a pedigree of 4 individuals"),
        ("neighbors:{}/borders.csv,model=icar", "intrinsic autoregression"),
        ("known:{}/V.csv", "known covariance of 4 levels"),
        ("kinship:{}/V.csv", "known kinship of 4 levels"),
        ("precision:{}/V.csv", "known precision matrix of 4 levels"),
        ("spatial:x,y,kind=exp", "field with exponential correlations at 4 places"),
    ],
)
def test_structures(folder: Path, structure: str, words: str) -> None:
    option = f"cell={structure.format(folder)}"
    result = call("fit", folder / "data.csv", "size ~ 1 + (1 | cell)", "--covariance", option)
    assert result.exit_code == 0, result.stderr
    assert words in result.stdout.replace("\n              ", " ")


def test_matrices_may_have_numbers_for_names(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1.0, 0.2], [0.2, 1.0]], columns=[7, 8])
    frame.to_csv(tmp_path / "bare.csv", index=False)
    assert read_structure(f"known:{tmp_path}/bare.csv").levels == (7, 8)


def test_settings_are_read() -> None:
    made = read_structure("spatial:x, y, kind=matern, nu=2.5, method=vecchia, neighbors=7")
    assert made.columns == ("x", "y")
    assert made.settings == ("matern", 2.5, "vecchia", 7, False)
    assert read_structure("spatial:lon,lat,geographic=true").settings[-1] is True


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("tree", "is not FACTOR=KIND:SOURCE"),
        ("cell=tee:lineage.nwk", "there is no structure 'tee'"),
        ("cell=tree:nowhere.nwk", "there is no file 'nowhere.nwk'"),
        ("cell=kinship:nowhere", "there is no file 'nowhere'"),
        ("cell=tree:", "tree: needs one file, not 0"),
        ("cell=spatial:", "needs columns of coordinates"),
        ("cell=tree:lineage.nwk,modle=pagel", "tree has no setting 'modle'"),
        ("plot=spatial:x,y", "no random term is grouped by 'plot'"),
        ("cell=spatial:x,z", "'z'"),
    ],
)
def test_errors(folder: Path, option: str, words: str) -> None:
    option = option.replace("lineage.nwk", f"{folder}/lineage.nwk")
    result = call("fit", folder / "data.csv", "size ~ 1 + (1 | cell)", "--covariance", option)
    assert result.exit_code == 2
    assert words in result.stderr


def test_one_structure_for_a_factor(folder: Path) -> None:
    twice = ["--covariance", "cell=spatial:x,y"] * 2
    result = call("fit", folder / "data.csv", "size ~ 1 + (1 | cell)", *twice)
    assert result.exit_code == 2
    assert "has two structures" in result.stderr
