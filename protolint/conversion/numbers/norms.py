"""Every BatchNorm of a model as numbers: which layout each has, and what it holds.

Nothing is decoded on a guess. Where a file does not say what it is, the refusal names
the layer, the evidence, and the switch that settles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.detect import BN_STAT, FROM, SOURCES, Detection, detect
from protolint.batchnorm.facts import LayerFacts, facts_of, file_marks
from protolint.batchnorm.state import BatchNormState, LayoutError, Statistic
from protolint.batchnorm.stored_scales import stored_scales
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.errors import InputError
from protolint.weights.index import LayerEntry, ModelIndex
from protolint.wire import Buffer

__all__ = ["Norm", "dialect_of", "norm_of", "read_norms"]

_TYPES = ("BatchNorm", "BN")

# The layouts each dialect can say in a prototxt: B3 in 0.14 is its engine CAFFE.
_SAID = (
    ("bvlc", ("B3", "B3-second-moment", "I3")),
    ("nvidia-0.15", ("N15A", "N15C", "N15C-inv-std")),
    ("nvidia-0.14", ("B3", "B3-second-moment", "N14C", "N14C-inv-std")),
)
# Has gamma and beta on request, so that any layout can be said in it.
_ANY = "nvidia-0.17"


class Norm(NamedTuple):
    """One BatchNorm of a model: what the file says, its layout, and its own numbers.

    `state` is without the Scale layer that may follow.
    """

    name: str
    facts: LayerFacts
    detection: Detection
    layout: Layout
    state: BatchNormState

    @property
    def evidence(self) -> tuple[str, ...]:
        """What speaks for the layout."""
        return self.detection.candidates[0].evidence


def read_norms(
    data: Buffer,
    index: ModelIndex,
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
) -> dict[int, Norm]:
    """The BatchNorms of a caffemodel by the position of their layer.

    `source` and `statistic` are what the user says wrote the file (see detect). Raises
    InputError where a layout is not certain or the blobs do not fit one.
    """
    marks, scales = file_marks(index), stored_scales(data, index)
    found = [
        (layer, facts_of(data, index, layer, marks, scales.get(layer.position)))
        for layer in index.layers
        if layer.type in _TYPES and layer.blobs
    ]
    verdicts = [detect(facts, source=source, statistic=statistic) for _, facts in found]
    doubts = [
        (layer, verdict)
        for (layer, _), verdict in zip(found, verdicts, strict=True)
        if not verdict.certain
    ]
    if doubts:
        raise InputError(index.path, _doubt(*doubts[0], len(doubts) - 1))
    return {
        layer.position: norm_of(index.path, layer.name, facts, verdict)
        for (layer, facts), verdict in zip(found, verdicts, strict=True)
    }


@np.errstate(invalid="ignore", over="ignore")
def norm_of(path: str, name: str, facts: LayerFacts, verdict: Detection) -> Norm:
    """The BatchNorm of a certain verdict; raises InputError where its blobs do not fit."""
    layout = verdict.candidates[0].layout
    try:
        state = layout.decode(facts.blobs, facts.norm.eps, facts.fraction)
    except LayoutError as error:
        raise InputError(path, f"layer '{facts.name}': {error}") from None
    return Norm(name, facts, verdict, layout, state)


def dialect_of(norms: Iterable[Norm], marks: bool, source: str | None = None) -> Dialect:
    """The dialect in whose words a model is read: the writer's, where it is known.

    `marks` tells whether anything shows NVIDIA 0.16 or later, `source` is the user's word.
    """
    if source in DIALECTS:
        return DIALECTS[source]
    if marks:
        return DIALECTS[_ANY]
    names = {norm.layout.name for norm in norms}
    for name, said in _SAID:
        if names <= set(said):
            return DIALECTS[name]
    return DIALECTS[_ANY]


def _doubt(layer: LayerEntry, verdict: Detection, others: int) -> str:
    """Why a layer is not converted, and what to do about it."""
    return doubt_of(layer.name, verdict, others)


def doubt_of(name: str, verdict: Detection, others: int) -> str:
    """The refusal of a layer whose layout is not certain."""
    more = f" (and {others} more layers)" if others > 1 else " (and 1 more layer)" * others
    text = f"layer '{name}'{more}: {verdict.reason}"
    choices = _choices(verdict)
    if choices:
        text += f"; {choices}"
    return text


def _choices(verdict: Detection) -> str:
    """The values of the switch that would settle the question, each with its evidence."""
    if verdict.switch == BN_STAT:
        return f"say which with {BN_STAT} variance or {BN_STAT} inv-std"
    if verdict.switch != FROM:
        return ""
    said = []
    for candidate in verdict.candidates:
        writers = _writers(candidate.layout.name)
        if writers:
            said.append(f"{FROM} {writers[0]} ({', '.join(candidate.evidence)})")
    return f"say who wrote it: {' or '.join(dict.fromkeys(said))}"


def _writers(layout: str) -> Sequence[str]:
    """The values of --from that name a layout's writer, the newest NVIDIA first."""
    found = [name for name, groups in SOURCES.items() if layout in {n for g in groups for n in g}]
    order = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.17", "nvidia-0.16")
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))
