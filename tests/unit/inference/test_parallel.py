"""Work in chunks: everything is done once, wherever, and an error comes through."""

from __future__ import annotations

import builtins

import joblib
import pytest
from joblib._parallel_backends import ThreadingBackend

from ilk.errors import ModelError
from ilk.inference.parallel import check_jobs, in_chunks


def squares(pieces):
    return [piece * piece for piece in pieces]


def done(n_jobs, wanted):
    found = {}
    for numbers, results in in_chunks(squares, lambda k: k + 1, wanted, n_jobs):
        assert not set(numbers) & set(found)
        found.update(zip(numbers, results, strict=True))
    return found


@pytest.mark.parametrize("n_jobs", [1, 2, None, -1])
@pytest.mark.parametrize("wanted", [[], [4], [0, 3, 7], list(range(600))])
def test_every_piece_is_done_once(n_jobs, wanted):
    assert done(n_jobs, wanted) == {k: (k + 1) ** 2 for k in wanted}


class Waves(ThreadingBackend):
    """A backend that gives all results of a call together, as some do."""

    supports_return_generator = False


def test_backends_without_generators_work_in_waves():
    joblib.register_parallel_backend("waves", Waves)
    with joblib.parallel_config(backend="waves", n_jobs=2):
        assert done(2, list(range(50))) == {k: (k + 1) ** 2 for k in range(50)}


def test_errors_come_through():
    def wrong(pieces):
        if 5 in pieces:
            raise KeyError("five")
        return pieces

    for n_jobs in (1, 2):
        with pytest.raises(KeyError, match="five"):
            list(in_chunks(wrong, lambda k: k, list(range(10)), n_jobs))


class Rooted:
    """Work that cannot leave its process."""

    def __call__(self, pieces):
        return pieces

    def __reduce__(self):
        raise ModelError("not from here")


@pytest.mark.slow
def test_work_that_cannot_travel_is_refused_by_processes_only():
    assert len(list(in_chunks(Rooted(), lambda k: k, list(range(3)), 2))) >= 2
    with (
        joblib.parallel_config(backend="loky"),
        pytest.raises(ModelError, match="cannot be sent to other processes"),
    ):
        list(in_chunks(Rooted(), lambda k: k, list(range(3)), 2))


def test_without_joblib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "joblib":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError, match=r"pip install 'ilk\[parallel\]'"):
        done(2, [1, 2, 3])
    assert done(1, [1, 2, 3]) == {1: 4, 2: 9, 3: 16}


def test_numbers_of_workers_are_checked():
    assert check_jobs(None) is None
    assert check_jobs(-1) == -1
    for wrong in (0, 1.5, True, "all"):
        with pytest.raises(ModelError, match="n_jobs="):
            check_jobs(wrong)
