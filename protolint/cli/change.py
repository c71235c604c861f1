"""Changing files: fixes and suppressions, written or shown as a diff."""

from __future__ import annotations

import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from protolint.cli.session import Session
from protolint.diagnostic import Diagnostic
from protolint.edit import apply_edits
from protolint.errors import InputError
from protolint.files import replace_file
from protolint.lint.add_suppressions import suppression_edits
from protolint.lint.fixer import fix_source
from protolint.lint.runner import FileReport
from protolint.source import Source

__all__ = ["change"]


def change(
    session: Session, files: Iterable[str], *, unsafe: bool, diff: bool, reason: str | None
) -> tuple[str, list[FileReport]]:
    """Fix each file, or suppress what is found in it where a `reason` is given.

    Gives the changes as a unified diff and the reports on the changed files. Nothing is
    written for a diff; standard input is written to standard output.
    """
    shown: list[str] = []
    reports: list[FileReport] = []
    applied: Counter[str] = Counter()

    def found(source: Source) -> Iterator[Diagnostic]:
        for report in session.check(source):
            yield from report.diagnostics

    for path in files:
        before = session.read(path)
        if before is None:
            continue
        if isinstance(before, str):
            # Weights have no comments, and are changed by `protolint convert` alone.
            if reason is not None:
                told = "has no comments; list its findings in per-file-ignores or a baseline"
                click.echo(f"protolint: {path}: {told}", err=True)
            reports += session.check_weights(path)
            continue
        if reason is None:
            after, counts = fix_source(before, found, unsafe=unsafe)
            applied.update(counts)
        else:
            edits = suppression_edits(before, found(before), reason)
            after = Source(before.path, apply_edits(before.data, edits))
            applied["suppressions"] += len(edits)
        shown.append(_difference(before, after))
        if not diff:
            _write(session, path, before, after)
        reports += session.checked(after)
    if not diff and applied:
        what = ", ".join(f"{count} {code}" for code, count in sorted(applied.items()))
        click.echo(f"protolint: applied {what}", err=True)
    return "".join(shown), reports


def _write(session: Session, path: str, before: Source, after: Source) -> None:
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(after.data)
        sys.stdout.buffer.flush()
    elif before.data != after.data:
        try:
            replace_file(path, after.data)
        except InputError as error:
            session.tell(error)


def _difference(before: Source, after: Source) -> str:
    if before.data == after.data:
        return ""
    old, new = (
        s.data.decode("utf-8", "replace").splitlines(keepends=True) for s in (before, after)
    )
    pieces = difflib.unified_diff(old, new, before.path, before.path)
    return "".join(
        piece if piece.endswith("\n") else f"{piece}\n\\ No newline at end of file\n"
        for piece in pieces
    )
