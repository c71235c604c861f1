"""Net states, and which layers a state leaves (Net::StateMeetsRule in src/caffe/net.cpp)."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.record import NamedTuple

__all__ = ["NetState", "StateRule"]


class NetState(NamedTuple):
    """What a net is built for: a phase, a level and a set of stages."""

    phase: str
    stages: frozenset[str] = frozenset()
    level: int = 0

    def __str__(self) -> str:
        extra = [*sorted(self.stages), *([f"level {self.level}"] if self.level else [])]
        return f"{self.phase} ({', '.join(extra)})" if extra else self.phase


class StateRule(NamedTuple):
    """One NetStateRule of a layer: every part that is given must hold."""

    message: Message
    phase: str | None
    min_level: int | None
    max_level: int | None
    stages: tuple[str, ...]
    not_stages: tuple[str, ...]

    @classmethod
    def read(cls, message: Message) -> StateRule:
        """Return the rule an `include` or `exclude` message spells."""
        return cls(
            message,
            message.text("phase") if "phase" in message else None,
            message.integer("min_level") if "min_level" in message else None,
            message.integer("max_level") if "max_level" in message else None,
            tuple(message.texts("stage")),
            tuple(message.texts("not_stage")),
        )

    def is_met(self, state: NetState) -> bool:
        """Whether a state fulfils the rule; an empty rule always is."""
        return (
            (self.phase is None or self.phase == state.phase)
            and (self.min_level is None or state.level >= self.min_level)
            and (self.max_level is None or state.level <= self.max_level)
            and state.stages.issuperset(self.stages)
            and state.stages.isdisjoint(self.not_stages)
        )
