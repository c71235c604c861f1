"""What there is to report of the numbers of a model, and of the rest of its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from protolint.batchnorm.state import BatchNormState
from protolint.conversion import notes
from protolint.conversion.decide.step import Action
from protolint.conversion.notes import Note
from protolint.conversion.numbers.encode import LayerChange
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.rewrite import Rewrite

__all__ = ["file_notes", "notes_of"]


def notes_of(changes: Sequence[LayerChange]) -> Iterator[Note]:
    """Yield the notes on the numbers of a model."""
    divided = [
        change.norm.state.factor
        for change in changes
        if change.norm.state.factor not in (0, 1) and change.made.factor == 1
    ]
    if divided:
        yield notes.factor_divided(divided)
    untrained = [change.name for change in changes if change.norm.state.age.passes == 0]
    if untrained:
        yield notes.never_trained(untrained)
    broken = [
        change.name
        for change in changes
        if not (np.isfinite(change.made.folded.scale).all() and _sound(change.norm.state))
    ]
    if broken:
        yield notes.statistics_unsound(broken)
    rescaled = [
        c.name for c in changes if not c.made.gamma_kept and c.step.action is not Action.FOLD
    ]
    if rescaled:
        yield notes.gamma_changed(rescaled)


def _sound(state: BatchNormState) -> bool:
    """Whether the statistics are numbers that a variance and a mean can be."""
    spread = state.stored_spread
    return bool(np.isfinite(state.stored_mean).all() and np.isfinite(spread).all()) and not bool(
        (spread < 0).any()
    )


def file_notes(rewrite: Rewrite, translator: Translator) -> Iterator[Note]:
    """Yield what was done to the rest of a file."""
    for name, number in rewrite.recoded.items():
        yield notes.blobs_recoded(name, number)
    dropped = translator.dropped.most_common()
    if dropped:
        yield notes.fields_dropped(translator.target.name, dropped)
    renumbered = translator.renumbered.most_common()
    if renumbered:
        yield notes.fields_renumbered(renumbered)
