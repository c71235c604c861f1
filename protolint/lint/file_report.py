"""What was found in one file."""

from __future__ import annotations

from typing import NamedTuple

from protolint.diagnostic import Diagnostic
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.target import Target

__all__ = ["FileReport"]


class FileReport(NamedTuple):
    """What was found in one file for one target.

    `accepted` says whether that Caffe's own text parser would take the file; `suppressed`
    counts what comments in the file leave out.
    """

    source: Source
    kind: FileKind
    target: Target
    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    suppressed: int = 0

    @property
    def path(self) -> str:
        """The name of the file, as it is shown."""
        return self.source.path
