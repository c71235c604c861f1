"""Every BatchNorm of a model as numbers: which layout each has, and what it holds.

Nothing is decoded on a guess. Where a file does not say what it is, the refusal names
the layer, the evidence, and the switch that settles it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.detect import Detection, detect
from protolint.batchnorm.facts import LayerFacts, facts_of, file_marks
from protolint.batchnorm.state import BatchNormState, LayoutError, Statistic
from protolint.batchnorm.stored_scales import BATCHNORM_TYPES, stored_scales
from protolint.errors import InputError
from protolint.weights.index import LayerEntry, ModelIndex
from protolint.wire import Buffer

__all__ = ["Norm", "norm_of", "read_norms"]


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
        if layer.type in BATCHNORM_TYPES and layer.blobs
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


def _doubt(layer: LayerEntry, verdict: Detection, others: int) -> str:
    """Why a layer is not converted, and what to do about it."""
    return doubt_of(layer.name, verdict, others)


def doubt_of(name: str, verdict: Detection, others: int) -> str:
    """The refusal of a layer whose layout is not certain."""
    more = f" (and {others} more layers)" if others > 1 else " (and 1 more layer)" * others
    return f"layer '{name}'{more}: {verdict.question}"
