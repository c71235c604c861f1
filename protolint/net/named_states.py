"""The states of a net that a user names."""

from __future__ import annotations

from protolint.errors import UsageError
from protolint.layers.states import NetState
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.view import View
from protolint.suggest import did_you_mean
from protolint.words import listed

__all__ = ["views_named"]


def views_named(net: Net, text: str) -> list[View]:
    """Return the net's views that have what a text names, else the one state that it spells.

    The text is TRAIN, TEST, a stage, level=N, or some of them with commas or as a state is
    shown, TEST (a stage). Raises UsageError for a word that is none of these.
    """
    phase: str | None = None
    level: int | None = None
    stages: set[str] = set()
    rules = [rule for layer in net.layers for rule in (*layer.include, *layer.exclude)]
    known = {stage for rule in rules for stage in (*rule.stages, *rule.not_stages)}
    head, _, inside = text.partition(" (")
    if text not in known and inside.endswith(")"):
        text = f"{head},{inside[:-1]}"
    for word in (part.strip() for part in text.split(",")):
        name, _, number = word.replace("level ", "level=").partition("=")
        digits = number.removeprefix("-")
        if word in known:
            stages.add(word)
        elif word.upper() in (TRAIN, TEST):
            phase = word.upper()
        elif name == "level" and digits.isdecimal() and len(digits) <= 10:
            level = int(number)
        else:
            words = [TRAIN, TEST, *sorted(known)]
            hint = did_you_mean(word, words)
            raise UsageError(
                f"'{word}' is no phase and no stage of the net{hint}; known: {listed(words, 20)}"
            )
    found = [
        view
        for view in net.views
        if phase in (None, view.state.phase)
        and stages <= view.state.stages
        and level in (None, view.state.level)
    ]
    state = NetState(phase or TEST, frozenset(stages), level or 0)
    return found or [View(state, net.layers, net.inputs)]
