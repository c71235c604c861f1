"""Working in several processes, where there is enough to check."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from protolint.weights.kinds import named_as_weights

__all__ = ["in_processes", "workers_for"]

_Result = TypeVar("_Result")

#: Bytes below which starting a process costs more than it saves (about 0.2 s of checking).
_WORTH = 1_500_000
#: Seconds after which a worker looks whether its parent is there.
_GLANCE = 0.3


def workers_for(files: Sequence[str], jobs: int) -> int:
    """Return how many processes to use: as asked, else as many as pay; 1 is this one alone."""
    if jobs:
        return min(jobs, max(1, len(files)))
    if len(files) < 2 or "-" in files:
        return 1
    # Of weights little is looked at, however large they are.
    texts = [path for path in files if not named_as_weights(path)]
    size = sum(os.path.getsize(path) for path in texts if os.path.isfile(path))
    return max(1, min(len(files), size // _WORTH, _processors()))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    work: Callable[[list[str]], _Result], files: Sequence[str], workers: int
) -> Iterator[_Result]:
    """Yield what `work` makes of each share of the files, in order."""
    from concurrent.futures import ProcessPoolExecutor

    size = -(-len(files) // (workers * 4))
    shares = [list(files[i : i + size]) for i in range(0, len(files), size)]
    pool = ProcessPoolExecutor(workers, initializer=_end_with, initargs=(os.getpid(),))
    try:
        yield from pool.map(work, shares)
    except BaseException:
        # Nobody waits for the rest: the workers end with this process.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


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
