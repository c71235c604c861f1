"""The settings of a solver, without the nets that it trains."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.caffe.dialect import Dialect
from protolint.source import Source

__all__ = ["SolverParameter"]


class SolverParameter:
    """A SolverParameter, as one dialect would read it: what a net may know of its solver."""

    def __init__(self, message: Message, dialect: Dialect, source: Source) -> None:
        self.message = message
        self.dialect = dialect
        self.source = source

    @property
    def fine_tunes(self) -> bool:
        """Whether the solver itself names weights to start from (BVLC master)."""
        return "weights" in self.message
