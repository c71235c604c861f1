"""Checking in several processes, where there is enough to check."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from protolint.lint.runner import FileReport
from protolint.weights.kinds import named_as_weights

if TYPE_CHECKING:
    from protolint.cli.session import Session
    from protolint.workspace.workspace import Choices

__all__ = ["in_processes", "workers_for"]

#: Bytes below which starting a process costs more than it saves (about 0.2 s of checking).
_WORTH = 1_500_000


def workers_for(files: Sequence[str], jobs: int) -> int:
    """How many processes to use: as asked, else as many as pay; 1 means this one alone."""
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


def in_processes(session: Session, files: Sequence[str], workers: int) -> list[FileReport]:
    """The reports of every file in order, each worker taking every n-th share of them."""
    from concurrent.futures import ProcessPoolExecutor

    size = -(-len(files) // (workers * 4))
    shares = [list(files[i : i + size]) for i in range(0, len(files), size)]
    with ProcessPoolExecutor(workers) as pool:
        results = list(
            pool.map(_check_share, repeat(session.workspace.choices), repeat(files), shares)
        )
    session.failed |= any(failed for _, failed in results)
    return [report for reports, _ in results for report in reports]


def _check_share(
    choices: Choices, files: Sequence[str], share: list[str]
) -> tuple[list[FileReport], bool]:
    from protolint.cli.session import Session

    session = Session(choices)
    session.workspace.pair(files)
    reports = session.check_each(share)
    return reports, session.failed
