"""protolint from Python: `protolint.check` and `protolint.load`.

Both take a file or the text of one, `check` weights as well. They find the Caffe it is for as
the command line does, and raise a ProtolintError where an argument is wrong or a file cannot
be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, Union, overload

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import AUTO, dialects_of
from protolint.diagnostic import Diagnostic
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.lint.check_files import check_files, check_with_weights
from protolint.lint.file_report import FileReport
from protolint.lint.select import codes_of
from protolint.net.net import Net
from protolint.source import BinarySource, Position, Source
from protolint.suggest import did_you_mean
from protolint.workspace.discover import find_files
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["CheckResult", "check", "load"]

PathOrText: TypeAlias = Union[str, "os.PathLike[str]", bytes]
Targets: TypeAlias = Union[str, Dialect, Iterable[Union[str, Dialect]], None]
Codes: TypeAlias = Union[str, Iterable[str], None]
Path: TypeAlias = Union[str, "os.PathLike[str]"]
Paths: TypeAlias = Union[Path, Iterable[Path], None]


class CheckResult(Sequence[Diagnostic]):
    """The findings, in file order: a sequence that is empty where nothing was found.

    `reports` has one entry for each file and target: the target and why it was chosen, and
    whether that Caffe's own parser would take the file. `unreadable` are the files of a folder
    that could not be checked. `print(result)` shows a line for each finding.
    """

    __slots__ = ("_diagnostics", "reports", "unreadable")

    def __init__(
        self, reports: Iterable[FileReport], unreadable: Iterable[InputError] = ()
    ) -> None:
        self.reports = tuple(reports)
        self.unreadable = tuple(unreadable)
        self._diagnostics = [d for report in self.reports for d in report.diagnostics]

    def __len__(self) -> int:
        return len(self._diagnostics)

    @overload
    def __getitem__(self, index: int) -> Diagnostic: ...
    @overload
    def __getitem__(self, index: slice) -> list[Diagnostic]: ...
    def __getitem__(self, index: int | slice) -> Diagnostic | list[Diagnostic]:
        return self._diagnostics[index]

    def __str__(self) -> str:
        return self.render("concise").rstrip("\n")

    def __repr__(self) -> str:
        from protolint.report.summary import found_in

        return f"<CheckResult: {found_in(self.reports)}>"

    @property
    def accepted(self) -> bool:
        """Whether every file would be taken by the text parser of every target."""
        return all(report.accepted for report in self.reports)

    def position(self, finding: Diagnostic) -> Position:
        """Return the line and column of a finding, both counted from 1.

        Raises UsageError for one in weights, which have no lines: `span` has its bytes.
        """
        for report in self.reports:
            if report.path == finding.path:
                if isinstance(report.source, BinarySource):
                    raise UsageError(f"{finding.path} has no lines; the finding has a span")
                return report.source.position(finding.span.start)
        raise UsageError(f"the finding in {finding.path} is none of this result")

    def render(self, format: str = "full", *, colour: bool = False) -> str:
        """Return the findings in an output format of `protolint check`, such as "json"."""
        from protolint.report import FORMATS, renderer

        if format not in FORMATS:
            known = ", ".join(FORMATS)
            hint = did_you_mean(format, FORMATS)
            raise UsageError(f"there is no format '{format}'{hint}; known: {known}")
        return renderer(format)(self.reports, colour)


def check(
    path_or_text: PathOrText,
    *,
    target: Targets = None,
    select: Codes = None,
    ignore: Codes = None,
    name: str | None = None,
    proto: str | os.PathLike[str] | None = None,
    cudnn: bool = True,
    fine_tune: bool = False,
    isolated: bool = False,
    weights: Paths = None,
    thresholds: Mapping[str, float] | None = None,
) -> CheckResult:
    """Find what is wrong in a prototxt, in weights, or in every *.prototxt below a folder.

    Args:
        path_or_text: A `str` with a line end or a brace is the text of a net or a solver, any
            other `str` is the path of a file or a folder. A `Path` is always a path, `bytes`
            are always text. A caffemodel, binary or HDF5, is checked by itself.
        target: The Caffe to check for, by name or as a Dialect, or several; if not given, the
            one that a comment in the file, the configuration or its fields point to; "auto"
            leaves the configuration out.
        select: Only these rules: codes, families and names, as a list or separated by commas.
        ignore: Not these rules.
        name: A name for text, which is then checked with the configuration for that path;
            without one, text is checked with no configuration.
        proto: Your own fork's caffe.proto, to be used as the schema.
        cudnn: Whether the Caffe was built with cuDNN.
        fine_tune: Whether training starts from loaded weights.
        isolated: Read no configuration file.
        weights: A caffemodel, or several, to be checked as well, for the net or solver that is
            given.
        thresholds: The limits at which rules on weights report, by key as in the configuration.

    Returns:
        What was found. A baseline in the configuration is not applied.

    Raises:
        ProtolintError: An argument is wrong (UsageError), a file cannot be read or is no
            text (InputError), or a configuration is wrong (ConfigError). A file below a folder
            that cannot be read is in `CheckResult.unreadable` instead.
    """
    choices = Choices(
        targets=_dialects(target),
        auto=target == AUTO,
        select=_selection(select),
        ignore=_codes(ignore or ()),
        thresholds=_limits(thresholds or {}),
        proto=None if proto is None else os.fspath(proto),
        without_cudnn=not cudnn,
        fine_tunes=fine_tune,
        isolated=isolated,
    )
    models = [os.fspath(path) for path in _paths(weights)]
    given = _given(path_or_text, name)
    if isinstance(given, Source):
        workspace = _workspace(choices, placed=bool(name))
        return CheckResult(check_with_weights(workspace, given, _refuse, models))
    workspace = Workspace(choices)
    unlisted: list[InputError] = []
    found = list(find_files(given, unlisted.append))
    if found != [given]:
        if models:
            raise UsageError("weights go with one net or solver, and a folder was given")
        files = [file for file in found if not workspace.excludes(file, named=False)]
        workspace.pair(files)

        def report(error: ProtolintError) -> None:
            unlisted.append(error) if isinstance(error, InputError) else _refuse(error)

        reports = check_files(workspace, files, report)
        return CheckResult(reports, unlisted)
    source = workspace.source_or_weights(given)
    if source is None:
        if models:
            raise UsageError(f"weights go with a net or solver, and {given} is none")
        return CheckResult(check_files(workspace, [given], _refuse))
    workspace.pair([given])
    return CheckResult(check_with_weights(workspace, source, _refuse, models))


def load(
    path_or_text: PathOrText,
    *,
    target: str | Dialect | None = None,
    name: str | None = None,
    proto: str | os.PathLike[str] | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> Net:
    """Read a net as one Caffe would build it.

    The net has its layers in today's terms, whatever generation they are written in, the
    states it is built for (`net.states`) and what is left of it in each (`net.views`). Fields
    that the target does not have are left out; `check` reports them.

    Args:
        path_or_text: A file, or text, as in `check`.
        target: The Caffe that reads the net; if not given, found as in `check`.
        name: A name for text, as in `check`.
        proto: Your own fork's caffe.proto, to be used as the schema.
        cudnn: Whether the Caffe was built with cuDNN.
        isolated: Read no configuration file.

    Returns:
        The net, every part of which knows its place in the text.

    Raises:
        ProtolintError: As in `check`; also where the file is no net or its syntax is broken
            (InputError).
    """
    choices = Choices(
        targets=_dialects(target),
        auto=target == AUTO,
        proto=None if proto is None else os.fspath(proto),
        without_cudnn=not cudnn,
        isolated=isolated,
    )
    given = _given(path_or_text, name)
    workspace = _workspace(choices, placed=bool(name) or not isinstance(given, Source))
    return workspace.net(given)


def _refuse(error: ProtolintError) -> None:
    """Raise what stops a check of one file."""
    raise error


def _workspace(choices: Choices, *, placed: bool) -> Workspace:
    """Return the session; text that has no place has no configuration."""
    return Workspace(choices if placed else choices._replace(isolated=True))


def _limits(given: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Thresholds by their keys; raises UsageError for one that is wrong."""
    if not given:
        return ()
    from protolint.workspace.thresholds import THRESHOLDS, wanted_instead

    for name, number in given.items():
        if name not in THRESHOLDS:
            hint = did_you_mean(name, THRESHOLDS) or f"; known: {', '.join(THRESHOLDS)}"
            raise UsageError(f"there is no threshold '{name}'{hint}")
        what = wanted_instead(name, number)
        if what is not None:
            raise UsageError(f"the threshold '{name}' takes a number {what}, not {number!r}")
    return tuple((name, float(number)) for name, number in given.items())


def _given(given: PathOrText, name: str | None) -> Source | str:
    """Return the source that text is, or the path."""
    if isinstance(given, bytes):
        return Source(name or "<text>", given)
    if isinstance(given, str) and (not given or "\n" in given or "{" in given):
        return Source(name or "<text>", given.encode("utf-8", "surrogateescape"))
    if not isinstance(given, (str, os.PathLike)):
        raise UsageError(f"a path or the text of a net is wanted, not {type(given).__name__}")
    if name is not None:
        raise UsageError(f"'name' is for text, and {os.fspath(given)} is a path")
    return os.fspath(given)


def _paths(given: Paths) -> Iterable[Path]:
    if given is None:
        return ()
    return [given] if isinstance(given, (str, os.PathLike)) else given


def _dialects(target: Targets) -> tuple[Dialect, ...]:
    if target is None or target == AUTO:
        return ()
    return dialects_of(target)


def _selection(select: Codes) -> frozenset[str] | None:
    if select is None:
        return None
    codes = _codes(select)
    if not codes:
        raise UsageError("'select' names no rule, so nothing would be checked")
    return codes


def _codes(names: str | Iterable[str]) -> frozenset[str]:
    given = names.split(",") if isinstance(names, str) else names
    return codes_of(name for name in given if name.strip())
