"""Recording and applying a baseline."""

from __future__ import annotations

import click

from protolint.cli.session import Session
from protolint.files import replace_file
from protolint.lint.baseline import read_baseline, write_baseline
from protolint.lint.runner import FileReport

__all__ = ["apply", "record"]


def record(path: str, reports: list[FileReport]) -> str:
    """Write a baseline of everything found; what was done, in a line."""
    text, count = write_baseline(path, reports)
    replace_file(path, text.encode("utf-8"))
    return f"protolint: wrote {count} finding{'' if count == 1 else 's'} to {path}"


def apply(path: str, reports: list[FileReport], session: Session) -> tuple[list[FileReport], int]:
    """What is not in the baseline, and how many of its entries are stale."""

    def ran(shown: str, code: str) -> bool:
        settings = session.settings_for(shown)
        selected = settings.select is None or code in settings.select
        return selected and code not in settings.ignored_in(shown)

    kept, stale = read_baseline(path).new(reports, ran)
    for key in stale:
        where = f" in layer {key.layer}" if key.layer else ""
        click.echo(
            f"protolint: {path}: {key.code}{where} of {key.path} ({key.target}) is no longer "
            "found; write the baseline anew",
            err=True,
        )
    return kept, len(stale)
