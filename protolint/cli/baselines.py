"""Recording and applying a baseline."""

from __future__ import annotations

import click

from protolint.cli.session import Session
from protolint.files import replace_file
from protolint.lint.baseline import read_baseline, write_baseline
from protolint.lint.runner import FileReport
from protolint.report.summary import counted

__all__ = ["apply", "record"]


def record(path: str, reports: list[FileReport]) -> str:
    """Write a baseline of everything found; what was done, in a line."""
    text, count = write_baseline(path, reports)
    replace_file(path, text.encode("utf-8"))
    return f"protolint: wrote {counted(count, 'finding')} to {path}"


def apply(path: str, reports: list[FileReport], session: Session) -> tuple[list[FileReport], int]:
    """What is not in the baseline, and how many of its entries are stale."""

    def ran(shown: str, code: str) -> bool:
        return session.workspace.settings(shown).selector(shown)(code)

    kept, stale = read_baseline(path).new(reports, ran)
    for key in stale:
        where = f" in layer {key.layer}" if key.layer else ""
        click.echo(
            f"protolint: {path}: {key.code}{where} of {key.path} ({key.target}) is no longer "
            "found; write the baseline anew",
            err=True,
        )
    return kept, len(stale)
