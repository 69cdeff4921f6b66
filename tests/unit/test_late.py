"""A module that is imported when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ilk.late import Late


def test_it_is_imported_with_the_first_attribute():
    code = (
        "import sys; from ilk.late import Late; late = Late('colorsys'); repr(late);"
        "assert 'colorsys' not in sys.modules; late.rgb_to_hsv; assert 'colorsys' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_has_what_the_module_has():
    assert Late("math").pi == pytest.approx(3.14159, abs=1e-5)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = Late("math").no_such_thing
