"""Many independent pieces of work, in this thread or in several places at one time.

Pieces are numbered, and handed out in chunks that take about half a second each.  With more than
one worker, chunks go through joblib, to threads unless `joblib.parallel_config` names another
backend (processes, dask, ray); results come back chunk by chunk in whatever order they are ready.
BLAS keeps to one thread meanwhile if threadpoolctl is there to tell it so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pickle import PicklingError
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ilk.errors import ModelError

__all__ = ["check_jobs", "in_chunks", "require_joblib"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Chunk: TypeAlias = "tuple[Sequence[int], list[Result]]"

_SECONDS = 0.5
"""What a chunk should take."""

_GRACE = 0.7
"""Seconds that are waited for chunks at work when the others are given up."""

_MOST = 256
"""Pieces in a chunk at most."""

_MODES = ("generator_unordered", "generator")
"""Ways of joblib to give results back while others are at work; not every backend has them."""


def check_jobs(n_jobs: Any) -> int | None:
    """Check a number of workers; the error says what is wrong with it."""
    if n_jobs is None:
        return None
    if isinstance(n_jobs, (int, np.integer)) and not isinstance(n_jobs, bool) and n_jobs != 0:
        return int(n_jobs)
    raise ModelError(
        f"n_jobs={n_jobs!r:.60}: give the number of refits at one time, -1 for as many as there "
        "are processors, or None for what joblib.parallel_config says.",
        code="n-jobs",
    )


def in_chunks(
    work: Callable[[list[Piece]], list[Result]],
    piece: Callable[[int], Piece],
    wanted: Sequence[int],
    n_jobs: int | None = 1,
) -> Generator[Chunk[Result], None, None]:
    """Do numbered pieces of work, chunk by chunk.

    Parameters
    ----------
    work : callable
        Does some pieces; must be picklable for backends of processes.
    piece : callable
        Makes the piece of a number.
    wanted : sequence of int
        Numbers of the pieces.
    n_jobs : int or None
        Workers at one time, as joblib counts them.

    Yields
    ------
    numbers : sequence of int
        Of the pieces of a chunk.
    results : list
        Theirs.
    """
    if not wanted:
        return
    if n_jobs != 1:
        require_joblib()
    with _one_blas_thread():
        began = time.perf_counter()
        first = wanted[:1]
        yield first, work([piece(k) for k in first])
        pace = time.perf_counter() - began
        rest = wanted[1:]
        if n_jobs == 1:
            yield from _here(work, piece, rest, pace)
        elif rest:
            yield from _elsewhere(work, piece, rest, pace, n_jobs)


def _here(
    work: Callable[[list[Piece]], list[Result]],
    piece: Callable[[int], Piece],
    wanted: Sequence[int],
    pace: float,
) -> Iterator[Chunk[Result]]:
    start = 0
    while start < len(wanted):
        part = wanted[start : start + _size(pace)]
        began = time.perf_counter()
        yield part, work([piece(k) for k in part])
        pace = (time.perf_counter() - began) / len(part)
        start += len(part)


def _elsewhere(
    work: Callable[[list[Piece]], list[Result]],
    piece: Callable[[int], Piece],
    wanted: Sequence[int],
    pace: float,
    n_jobs: int | None,
) -> Iterator[Chunk[Result]]:
    joblib = require_joblib()
    workers = max(1, joblib.effective_n_jobs(n_jobs))
    size = max(1, min(_size(pace), -(-len(wanted) // (2 * workers))))
    parts = [wanted[i : i + size] for i in range(0, len(wanted), size)]

    def tasks(some: Sequence[Sequence[int]]) -> Iterator[Any]:
        for part in some:
            yield joblib.delayed(_labelled)(work, part, [piece(k) for k in part])

    try:
        for mode in _MODES:
            try:
                run = joblib.Parallel(n_jobs=n_jobs, prefer="threads", batch_size=1, return_as=mode)
            except ValueError:
                continue
            yield from run(tasks(parts))
            return
        run = joblib.Parallel(n_jobs=n_jobs, prefer="threads", batch_size=1)
        for i in range(0, len(parts), 2 * workers):  # wave by wave: results of one come together
            yield from run(tasks(parts[i : i + 2 * workers]))
    except PicklingError as error:
        raise ModelError(
            "The work cannot be sent to other processes, as a model or function with code of its "
            "own may not; use threads, which n_jobs= takes unless joblib is told otherwise.",
            code="processes",
        ) from error
    finally:
        _let_finish()


def _labelled(
    work: Callable[[list[Piece]], list[Result]], numbers: Sequence[int], pieces: list[Piece]
) -> Chunk[Result]:
    me = object()
    _at_work.add(me)
    try:
        return numbers, work(pieces)
    finally:
        _at_work.discard(me)


_at_work: set[object] = set()
"""Chunks that threads of this process are working on."""


def _let_finish() -> None:
    """Wait a moment for threads that an interrupt left at work."""
    limit = time.monotonic() + _GRACE
    while _at_work and time.monotonic() < limit:
        time.sleep(0.01)


def _size(pace: float) -> int:
    return max(1, min(_MOST, int(_SECONDS / max(pace, 1e-9))))


def require_joblib() -> Any:
    """Import joblib; the error names the extra that brings it."""
    try:
        import joblib
    except ModuleNotFoundError as error:
        raise ModelError(
            "n_jobs other than 1 needs joblib, which is not installed; run: pip install "
            "'ilk[parallel]', or use n_jobs=1.",
            code="missing-package",
        ) from error
    return joblib


def _one_blas_thread() -> AbstractContextManager[Any]:
    try:
        import threadpoolctl
    except ModuleNotFoundError:
        return nullcontext()
    limit: AbstractContextManager[Any] = threadpoolctl.threadpool_limits(1, user_api="blas")
    return limit
