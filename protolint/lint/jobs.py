"""Working in several processes, where there is enough to check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from protolint.weights.kinds import named_as_weights

__all__ = ["in_processes", "shares_of", "workers_for"]

_Result = TypeVar("_Result")

#: Bytes below which starting a process costs more than it saves (about 0.2 s of checking).
_WORTH = 1_500_000
#: What looking at a file at all takes, in bytes of text.
_EACH = 5_000
#: The part of a worker's text in a small share, by which one may end before the others.
_SMALL = 64
#: Seconds after which a worker looks whether its parent is there.
_GLANCE = 0.3


def workers_for(files: Sequence[str], jobs: int) -> int:
    """Return how many processes to use: as asked, else as many as pay; 1 is this one alone."""
    if len(files) < 2 or "-" in files:  # Only this process has a standard input.
        return 1
    if jobs:
        return min(jobs, len(files))
    return max(1, min(len(files), sum(map(_bytes_to_check, files)) // _WORTH, _processors()))


def _bytes_to_check(path: str) -> int:
    """Return the size of a text; of weights little is looked at, however large they are."""
    return 0 if named_as_weights(path) or not os.path.isfile(path) else os.path.getsize(path)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    work: Callable[[Sequence[str]], _Result], files: Sequence[str], workers: int
) -> Iterator[_Result]:
    """Yield what `work` makes of each share of the files, in order.

    The other processes begin with the first share, this one with the last.
    """
    from concurrent.futures import ProcessPoolExecutor

    sizes = [_EACH + _bytes_to_check(path) for path in files]
    shares = shares_of(files, sizes, workers)
    pool = ProcessPoolExecutor(workers - 1, initializer=_end_with, initargs=(os.getpid(),))
    try:
        theirs = [pool.submit(work, share) for share in shares]
        ours = []
        while theirs and theirs[-1].cancel():
            theirs.pop()
            ours.append(work(shares[len(theirs)]))
        yield from (future.result() for future in theirs)
        yield from reversed(ours)
    except BaseException:
        # Nobody waits for the rest: the workers end with this process.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def shares_of(files: Sequence[str], sizes: Sequence[int], workers: int) -> list[list[str]]:
    """Return neighbouring files in shares: a large one for each worker, small ones between them.

    Files that are alike are mostly neighbours, and take less time in one process.
    """
    left = total = sum(sizes)
    large, small = 2 * total // (3 * workers), total // (_SMALL * workers)
    room = 0
    shares: list[list[str]] = []
    for path, size in zip(files, sizes, strict=True):
        if not shares or room < size:
            room = max(large if len(shares) < workers - 1 or left <= large else small, size)
            shares.append([])
        shares[-1].append(path)
        room -= size
        left -= size
    return shares


def _end_with(parent: int) -> None:
    """End this worker soon after its parent, however that ended.

    A worker that outlives it sleeps for ever, and holds the pipes that somebody reads.
    """
    from threading import Thread
    from time import sleep

    def watch() -> None:
        while os.getppid() == parent:
            sleep(_GLANCE)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
