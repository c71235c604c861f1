"""What protolint says about a file: severities, labels and diagnostics."""

from __future__ import annotations

from enum import Enum

from protolint.edit import Fix
from protolint.record import NamedTuple
from protolint.source import Source, Span

__all__ = ["Diagnostic", "Label", "Repeat", "Severity"]


class Severity(Enum):
    """How bad a finding is.

    `error`: the framework aborts or computes something wrong; `warning`: probably
    wrong; `info`: advice.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Label(NamedTuple):
    """A second place a finding speaks of, with what is to be seen there.

    `source` is the other file it is in, or None for the file of the finding.
    """

    span: Span
    text: str
    source: Source | None = None


class Repeat(NamedTuple):
    """Another place of a finding, and its layer."""

    span: Span
    layer: str | None


class Diagnostic(NamedTuple):
    """One finding in one file, for one target dialect, at its first place.

    `repeats` are the other places, for findings that are `alike` by a word of their rule.
    """

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    span: Span
    layer: str | None = None
    target: str | None = None
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    alike: str = ""
    repeats: tuple[Repeat, ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, str, int, str]:
        """File, then place, then code: the order findings are shown in."""
        return (self.path, self.span.start, self.code, self.span.end, self.target or "")
