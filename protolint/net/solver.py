"""A solver, and the nets it trains and tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from protolint.caffe.binder import Message
from protolint.caffe.dialects import Dialect
from protolint.net.net import Net
from protolint.source import Source
from protolint.text.tree import Block, Scalar

__all__ = ["NetReference", "Solver"]

_TRAIN_FILES, _TEST_FILES = ("net", "train_net"), ("test_net",)


class NetReference(NamedTuple):
    """A field of a solver that names a net's file.

    `found` says that there is such a file; `net` is None where there is none, or no sound net
    in it.
    """

    field: str
    path: str
    node: Scalar | Block
    net: Net | None
    found: bool


class Solver:
    """A SolverParameter, as one dialect would read it.

    `open_net` says whether a file that the solver names was found, and gives its net if it
    holds one; where it looks is not known here. `inline` are the nets that stand in the
    solver itself.
    """

    def __init__(
        self,
        message: Message,
        dialect: Dialect,
        source: Source,
        inline: list[Net],
        open_net: Callable[[str], tuple[bool, Net | None]],
    ) -> None:
        self.message = message
        self.dialect = dialect
        self.source = source
        self.inline = inline
        self._open_net = open_net

    @cached_property
    def references(self) -> list[NetReference]:
        """Every net file that the solver names, in file order of each field."""
        found = []
        for field in (*_TRAIN_FILES, *_TEST_FILES):
            for value, node in self.message.values.get(field, ()):
                there, net = self._open_net(str(value))
                found.append(NetReference(field, str(value), node, net, there))
        return found

    @property
    def nets(self) -> list[Net]:
        """Every net that is known, inline or in a file, the one for training first."""
        return [*self.inline, *(ref.net for ref in self.references if ref.net is not None)]

    @property
    def fine_tunes(self) -> bool:
        """Whether the solver itself names weights to start from (BVLC master)."""
        return "weights" in self.message
