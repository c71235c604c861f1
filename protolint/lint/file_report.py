"""What was found in one file."""

from __future__ import annotations

from collections.abc import Mapping

from protolint.caffe.build import STANDARD, Build
from protolint.diagnostic import Diagnostic
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.target import Target

__all__ = ["FileReport"]


class FileReport(NamedTuple):
    """What was found in one file for one target.

    `accepted` says whether that Caffe's own text parser would take the file; `suppressed`
    counts what comments in the file leave out. `builds` says, for each state of a net, whether
    that Caffe builds it; None where something outside the text decides, and of the `left_out`
    states, those of stages behind the first 64, which are not looked at. It is None for a file
    that is no net. `broken` are the BatchNorms of weights whose statistics are not to be used,
    whatever rules are selected. `build` is the Caffe that the file was read for.
    """

    source: Source
    kind: FileKind
    target: Target
    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    suppressed: int = 0
    builds: Mapping[str, bool | None] | None = None
    broken: frozenset[str] = frozenset()
    build: Build = STANDARD
    left_out: int = 0

    @property
    def path(self) -> str:
        """The name of the file, as it is shown."""
        return self.source.path
