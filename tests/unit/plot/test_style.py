"""The look of pictures, and what happens without matplotlib."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from ilk.errors import ModelError
from ilk.plot import style


def test_style_ends_with_its_block() -> None:
    before = mpl.rcParams["axes.labelcolor"]
    with style.house_style():
        assert mpl.rcParams["axes.labelcolor"] == style.MUTED
    assert mpl.rcParams["axes.labelcolor"] == before


def test_labels_are_bounded_and_printable() -> None:
    assert style.printable("a\x1b[31mb") == "a�[31mb"
    assert len(style.printable("x" * 100)) == 28


def test_areas_follow_the_weights() -> None:
    np.testing.assert_allclose(style.marker_areas(np.array([0.0, 50.0, 100.0])), [9, 65, 130])
    np.testing.assert_allclose(style.marker_areas(np.zeros(2)), [9, 9])


def test_missing_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModelError, match=r"pip install 'ilk\[plot\]'"):
        style.new_figure(1.0, 1.0)


def test_importing_the_pictures_does_not_import_matplotlib() -> None:
    code = "import sys, ilk.plot; print('matplotlib' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
