"""Changing files: fixes and suppressions, written or shown as a diff."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from protolint.cli.results import difference
from protolint.cli.terminal import Problems, progress_bar, warn
from protolint.diagnostic import Diagnostic
from protolint.edit import apply_edits
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.files import replace_file
from protolint.lint.check_files import broken_statistics, check_files, check_with_weights
from protolint.lint.check_text import check_source  # fmt: skip
from protolint.lint.file_report import FileReport
from protolint.lint.fixer import fix_source
from protolint.lint.registry import known_rules
from protolint.lint.suppress import suppression_edits
from protolint.source import Source
from protolint.words import plural
from protolint.workspace.workspace import Workspace

__all__ = ["change"]


def change(
    workspace: Workspace,
    files: Iterable[str],
    problems: Problems,
    weights: Sequence[str],
    *,
    unsafe: bool,
    diff: bool,
    reason: str | None,
    remark: Callable[[str], None] = warn,
) -> tuple[str, list[FileReport]]:
    """Fix each file, or suppress what is found in it where a `reason` is given.

    Gives the changes as a unified diff and the reports on the changed files. Nothing is
    written for a diff; standard input is written to standard output.
    """
    shown: list[str] = []
    reports: list[FileReport] = []

    broken: frozenset[str] = frozenset()

    def found(source: Source) -> Iterator[Diagnostic]:
        for report in check_source(workspace, source, broken=broken):
            yield from report.diagnostics

    def checked(source: Source) -> list[FileReport]:
        return check_with_weights(workspace, source, problems.report, weights, progress_bar)

    for path in files:
        try:
            before = workspace.source_or_weights(path)
        except InputError as error:
            problems.report(error)
            continue
        if before is None:
            # Weights have no comments, and are changed by `protolint convert` alone.
            if reason is not None:
                warn(
                    f"{path}: has no comments; list its findings in per-file-ignores or a baseline"
                )
            reports += check_files(workspace, [path], problems.report, progress=progress_bar)
            continue
        broken = broken_statistics(checked(before)) if weights else broken
        try:
            after, counts = _changed(workspace, before, found, unsafe=unsafe, reason=reason)
            if not diff:
                _write(path, before, after)
        except ProtolintError as error:
            problems.report(error)
            reports += checked(before)
            continue
        if counts and not diff:
            remark(f"{path}: applied {_what(counts)}")
        if diff:
            shown.append(difference(before, after))
        reports += checked(after)
    return "".join(shown), reports


def _what(counts: Counter[str]) -> str:
    """Return how much was done, each rule with its name."""
    names = {rule.code: f"{rule.code} {rule.name}" for rule in known_rules()}
    return ", ".join(f"{n} {names.get(code, code)}" for code, n in sorted(counts.items()))


def _changed(
    workspace: Workspace,
    before: Source,
    found: Callable[[Source], Iterator[Diagnostic]],
    *,
    unsafe: bool,
    reason: str | None,
) -> tuple[Source, Counter[str]]:
    """Return the fixed or suppressed text, and how much was done; raises ProtolintError."""
    if reason is not None:
        edits = suppression_edits(before, found(before), reason)
        name = plural(len(edits), "suppression")
        counts = Counter({name: len(edits)} if edits else {})
        return Source(before.path, apply_edits(before.data, edits)), counts
    if len(check_source(workspace, before)) > 1:
        raise UsageError(
            f"{before.path}: is for several targets, and a fix for one may be wrong for another;"
            " give one --target"
        )
    after, counts = fix_source(before, found, unsafe=unsafe)
    return after, counts


def _write(path: str, before: Source, after: Source) -> None:
    """Write what has changed; raises InputError."""
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(after.data)
        sys.stdout.buffer.flush()
    elif before.data != after.data:
        for lost in replace_file(path, after.data):
            warn(f"{path}: not kept: {lost}")
