"""Recording and applying a baseline."""

from __future__ import annotations

from protolint.cli.problems import warn
from protolint.files import replace_file
from protolint.lint.baseline import read_baseline, write_baseline
from protolint.lint.file_report import FileReport
from protolint.lint.select import selection_of
from protolint.words import counted
from protolint.workspace.workspace import Workspace

__all__ = ["apply", "record"]


def record(path: str, reports: list[FileReport]) -> str:
    """Write a baseline of everything found; what was done, in a line."""
    text, count = write_baseline(path, reports)
    replace_file(path, text.encode("utf-8"))
    return f"wrote {counted(count, 'finding')} to {path}"


def apply(
    path: str, reports: list[FileReport], workspace: Workspace
) -> tuple[list[FileReport], int]:
    """Return what is not in the baseline, and how many of its entries are stale."""

    def ran(shown: str, code: str) -> bool:
        return selection_of(workspace, shown).selector(shown)(code)

    kept, stale = read_baseline(path).new(reports, ran)
    for key in stale:
        where = f" in layer {key.layer}" if key.layer else ""
        warn(
            f"{path}: {key.code}{where} of {key.path} ({key.target}) is no longer "
            "found; write the baseline again"
        )
    return kept, len(stale)
