"""Places as users have them."""

import numpy as np
import pytest

from ilk.covariance.levels.read_space import Places, spatial
from ilk.errors import DataError, ModelError

NAMES = ["a", "b", "c"]


def test_places_are_columns_or_arrays():
    field = spatial([0.0, 1.0, 3.0], [0.0, 0.5, 1.0], names=NAMES, kind="exp")
    assert field.method == "exact"
    places = spatial("x", "y", method="vecchia", neighbors=2)
    assert isinstance(places, Places)
    codes = np.array([0, 1, 2, 0])
    points = np.array([[0.0, 0.0], [1.0, 0.5], [3.0, 1.0], [0.0, 0.0]])
    assert places.at("site", NAMES, codes, points).method == "vecchia"
    with pytest.raises(DataError, match="coordinates x, y differ within 'a' of 'site'"):
        places.at("site", NAMES, codes, points + np.arange(4)[:, None])
    globe = spatial([0.0, 90.0], [0.0, 0.0], names=["a", "b"], geographic=True)
    assert np.ptp(globe.points, axis=0).max() == pytest.approx(6371.0088)
    with pytest.raises(ModelError, match="Did you mean 'matern'"):
        spatial("x", "y", kind="matrn")
    with pytest.raises(ModelError, match="names of their levels"):
        spatial([0.0, 1.0], [0.0, 1.0])
    with pytest.raises(ModelError, match="nu=-1"):
        spatial("x", nu=-1)
    with pytest.raises(DataError, match="latitude of 'b' is 120; geographic coordinates are"):
        spatial([0.0, 1.0], [50.0, 120.0], names=["a", "b"], geographic=True)
