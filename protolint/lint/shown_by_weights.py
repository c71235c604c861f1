"""What weights show of the Caffe that their net is for, by the layouts of their BatchNorms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from protolint.caffe.registry import DEFAULT, DIALECTS, TARGETS
from protolint.errors import ProtolintError
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.evidence import Clue, Evidence, remember
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Workspace

__all__ = ["ask_weights"]

#: What a file is called that holds the weights of the net beside it.
_BESIDE = (".caffemodel", ".caffemodel.h5")
#: Sums with a factor, which the layouts that hold them have in common.
_SUMS = frozenset(("B3", "I3", "B3-second-moment"))


def ask_weights(workspace: Workspace, readings: Readings, given: Sequence[str] = ()) -> None:
    """Let a workspace know what the weights of a net show: those given, else one of its name.

    They are read when the target has to be inferred, and not where it is named.
    """
    path = readings.tree.source.path
    if path in workspace.shown_by or b"BatchNorm" not in readings.tree.source.data:
        return
    stem = os.path.splitext(path)[0]
    files = given or [stem + end for end in _BESIDE if os.path.isfile(stem + end)]
    if not files:
        return  # What is kept for later would keep the net.

    @cache
    def shown() -> list[Readings]:
        found = (_shown_by(file, readings) for file in files)
        return [one for one in found if one is not None]

    workspace.shown_by[path] = shown


def _shown_by(path: str, net: Readings) -> Readings | None:
    """Return the evidence in a weight file as that of a member of the net's model, or None."""
    from protolint.batchnorm.reading import read_weights

    try:
        norms = read_weights(path).norms
    except ProtolintError:
        return None  # Checking the weights reports it.
    names = {layer.name for one in net.read(DEFAULT).nets for layer in one.batchnorms}
    fits, times = frozenset(TARGETS), 0
    for norm in norms:
        layouts = {candidate.layout.name for candidate in norm.detection.candidates}
        if norm.name in names and layouts:
            layouts |= _SUMS if layouts & _SUMS else set()
            # A Caffe that only reads an older layout is not whose file it is.
            fits &= {c.name for c in map(DIALECTS.__getitem__, TARGETS) if c.layouts & layouts}
            times += 1
    if not fits or fits == frozenset(TARGETS):
        return None
    found = Readings.of(Source(path, b"blobs: 1\n"))
    found.kind = FileKind.MODEL
    node = found.tree.children[0]
    what = "the blobs of BatchNorms"
    remember(found, Evidence((Clue(what, what, node, times, fits, decides=False),)))
    return found
