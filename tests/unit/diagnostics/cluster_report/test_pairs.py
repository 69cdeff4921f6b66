"""Sums over pairs, against all pairs one by one."""

from __future__ import annotations

import numpy as np

from ilk.diagnostics.cluster_report.pairs import factor_sets, pair_sums


def test_every_pair_is_counted_by_what_it_shares() -> None:
    rng = np.random.default_rng(1)
    n = 40
    codes = [rng.integers(0, k, n).astype(np.int32) for k in (4, 6, 3)]
    values = rng.normal(size=(n, 2))
    sets = factor_sets(3)
    assert len(sets) == 7
    found = pair_sums(codes, values, np.sum(values**2, axis=0), sets)
    expected = np.zeros_like(found)
    for i in range(n):
        for j in range(n):
            shared = tuple(g for g in range(3) if codes[g][i] == codes[g][j])
            if i != j and shared:
                expected[sets.index(shared)] += values[i] * values[j]
    np.testing.assert_allclose(found, expected, atol=1e-10)
