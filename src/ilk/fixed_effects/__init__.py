"""Models in which every cluster has a parameter of its own, or none because it is conditioned away.

`fixed` absorbs one dummy per cluster into the fit without ever forming it; `conditional` maximizes
the likelihood given each cluster's total, from which the clusters' parameters have vanished.  Both
use comparisons within clusters only, so nothing that is constant in a cluster, measured or not, can
bias them; for the same reason they say nothing about such things, nor about clusters not seen.
"""

from ilk.fixed_effects.absorb import part_labels
from ilk.fixed_effects.conditional import estimate_conditional
from ilk.fixed_effects.fixed import StdErrors, estimate_fixed
from ilk.fixed_effects.groups import with_factors, with_groups
from ilk.fixed_effects.records import (
    ABSORBED,
    COLLINEAR,
    Absorbed,
    ConditionalFitted,
    FixedFitted,
)

__all__ = [
    "ABSORBED",
    "COLLINEAR",
    "Absorbed",
    "ConditionalFitted",
    "FixedFitted",
    "StdErrors",
    "estimate_conditional",
    "estimate_fixed",
    "part_labels",
    "with_factors",
    "with_groups",
]
