"""A file after all rules on text have run: what the rules see that run after those."""

from __future__ import annotations

from protolint.record import NamedTuple
from protolint.source import Source
from protolint.workspace.directives import Code, Suppression
from protolint.workspace.target import Disagreement

__all__ = ["CheckedFile"]


class CheckedFile(NamedTuple):
    """A file after the rules on text have run for all its targets.

    `unused` are the codes of its suppressions that suppressed nothing (lint/suppress),
    `disagreements` what in it is for another Caffe than the files of its model.
    """

    source: Source
    unused: tuple[tuple[Suppression, Code], ...]
    disagreements: tuple[Disagreement, ...] = ()
