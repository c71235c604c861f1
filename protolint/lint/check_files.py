"""Check the files of a workspace: in one process or several, nets with their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias, Union

from protolint.errors import InputError, ProtolintError, UsageError
from protolint.lint.check_text import check_readings
from protolint.lint.file_report import FileReport
from protolint.lint.shown_by_weights import ask_weights
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.lint.check_weights import GivenNet

__all__ = ["broken_statistics", "check_files", "check_with_weights"]

#: Gives what is called with a path, the bytes done and all bytes; None where nobody would see it.
ProgressBar: TypeAlias = Callable[
    [], AbstractContextManager[Union[Callable[[str, int, int], None], None]]
]


def check_files(
    workspace: Workspace,
    files: Sequence[str],
    report: Callable[[ProtolintError], None],
    *,
    weights: Sequence[str] = (),
    jobs: int = 1,
    progress: ProgressBar = nullcontext,
) -> list[FileReport]:
    """Return the reports of every file, in order; of a net, those of its weights too.

    A file that cannot be read does not stop the others: `report` is called with the error.
    `weights` are weight files to be checked with each net. `jobs` is the number of processes, 0 for
    as many as pay. Raises ConfigError for a configuration that is wrong, InputError for a schema
    that cannot be read.
    """
    reports: list[FileReport] = []
    if jobs != 1 and len(files) > 1:
        from protolint.lint.jobs import in_processes, workers_for

        workers = workers_for(files, jobs)
        if workers > 1:
            work = partial(_check_share, workspace.choices, tuple(files), weights)
            try:
                for found, errors in in_processes(work, files, workers):
                    reports += found
                    for error in errors:
                        report(error)
            finally:
                _workspace.cache_clear()  # Files of the next run may say something else.
            return reports
    for path in files:
        try:
            source = workspace.source_or_weights(path)
        except InputError as error:
            report(error)
            continue
        if source is not None:
            reports += check_with_weights(workspace, source, report, weights, progress)
            continue
        if weights:
            report(UsageError(f"{path}: weights, and --weights goes with a net"))
        reports += _weights(workspace, path, report, progress)
    return reports


def _check_share(
    choices: Choices, files: tuple[str, ...], weights: Sequence[str], share: Sequence[str]
) -> tuple[list[FileReport], list[ProtolintError]]:
    """Return the reports of some of the files, in one process of several, and the errors."""
    errors: list[ProtolintError] = []
    return check_files(_workspace(choices, files), share, errors.append, weights=weights), errors


@lru_cache(maxsize=1)
def _workspace(choices: Choices, files: tuple[str, ...]) -> Workspace:
    """Return the workspace of a process, one for all its shares."""
    workspace = Workspace(choices)
    workspace.pair(files)
    return workspace


def check_with_weights(
    workspace: Workspace,
    source: Source,
    report: Callable[[ProtolintError], None],
    weights: Sequence[str],
    progress: ProgressBar = nullcontext,
) -> list[FileReport]:
    """Return the reports of a net, and those of the weights that were given for it."""
    readings = workspace.readings(source)
    if not workspace.choices.targets:
        ask_weights(workspace, readings, weights)
    of_weights = _of_weights(workspace, readings, report, weights, progress)
    broken = broken_statistics(of_weights)
    return [*check_readings(workspace, readings, broken=broken), *of_weights]


def _of_weights(
    workspace: Workspace,
    readings: Readings,
    report: Callable[[ProtolintError], None],
    weights: Sequence[str],
    progress: ProgressBar,
) -> list[FileReport]:
    """Return the reports of the weights that were given for a net."""
    if not weights:
        return []
    from protolint.lint.check_weights import GivenNet

    given = GivenNet(readings, workspace.targets(readings))
    return [
        found for path in weights for found in _weights(workspace, path, report, progress, given)
    ]


def broken_statistics(reports: Iterable[FileReport]) -> frozenset[str]:
    """Return the BatchNorms whose stored statistics are not to be used, by reports on weights."""
    return frozenset().union(*(report.broken for report in reports))


def _weights(
    workspace: Workspace,
    path: str,
    report: Callable[[ProtolintError], None],
    progress: ProgressBar,
    given: GivenNet | None = None,
) -> list[FileReport]:
    """Return the reports of a weight file; none where it cannot be read, which is reported."""
    from protolint.lint.check_weights import check_weights

    try:
        with progress() as show:
            return check_weights(workspace, path, given, progress=show)
    except (InputError, UsageError) as error:
        report(error)
        return []
