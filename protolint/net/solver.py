"""A solver, and the nets it trains and tests."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from protolint.caffe.binder import Message
from protolint.caffe.build import STANDARD, Build
from protolint.caffe.dialect import Dialect
from protolint.net.net import ALONE, NO_FILE, Net, NetFile, Relatives
from protolint.net.solver_parameter import SolverParameter
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.text.tree import Block, Scalar

__all__ = ["NetReference", "Solver"]

_TRAIN_FILES, _TEST_FILES = ("net", "train_net"), ("test_net",)
_INLINE = ("net_param", "train_net_param", "test_net_param")


class NetReference(NamedTuple):
    """A net that a solver names or holds: by which field, and where that is written.

    `path` is "" for a net inside the solver. `file` says what is known of a net's file; its
    net is None where there is none, or no sound net in it.
    """

    field: str
    path: str
    node: Scalar | Block
    file: NetFile

    @property
    def net(self) -> Net | None:
        """The net, if it is known."""
        return self.file.net

    @property
    def found(self) -> bool:
        """Whether there is such a file, or the net stands in the solver."""
        return self.file.found


class Solver(SolverParameter):
    """A solver and its nets: those that it names, and those that stand in the solver itself.

    `relatives` say where a file that it names is.
    """

    def __init__(
        self,
        message: Message,
        dialect: Dialect,
        source: Source,
        *,
        build: Build = STANDARD,
        relatives: Relatives = ALONE,
    ) -> None:
        super().__init__(message, dialect, source)
        self._build = build
        self._relatives = relatives
        #: What protolint.net.solver_init found out.
        self.faults: tuple[Any, ...] | None = None

    @cached_property
    def inline(self) -> list[Net]:
        """The nets that stand in the solver itself, the ones for training first."""
        within = _Within(SolverParameter(self.message, self.dialect, self.source))
        return [
            Net(
                message,
                self.dialect,
                self.source,
                build=self._build,
                inline=True,
                relatives=within,
            )
            for field in _INLINE
            for message in self.message.messages(field)
        ]

    @cached_property
    def references(self) -> list[NetReference]:
        """Every net file that the solver names, in file order of each field."""
        found = []
        for field in (*_TRAIN_FILES, *_TEST_FILES):
            for value, node in self.message.values.get(field, ()):
                file = self._relatives.open_net(self, str(value))
                found.append(NetReference(field, str(value), node, file))
        return found

    @cached_property
    def given(self) -> list[NetReference]:
        """Every net that the solver names or holds, those inside it first."""
        inside = [
            NetReference(net.message.node.name, "", net.message.node, NetFile(found=True, net=net))
            for net in self.inline
            if net.message.node is not None
        ]
        return [*inside, *self.references]

    def has_file(self, name: str) -> bool:
        """Whether there is a file that the solver names."""
        return self._relatives.has_file(self, name)

    @property
    def nets(self) -> list[Net]:
        """Every net that is known, inline or in a file, the one for training first."""
        return [*self.inline, *(ref.net for ref in self.references if ref.net is not None)]


class _Within:
    """What is around a net inside a solver: that solver."""

    def __init__(self, solver: SolverParameter) -> None:
        self._solver = solver  # Not the Solver, which holds the net: that would be a cycle.

    def sibling(self, net: Net) -> Net | None:
        """Return None: nets of one solver are not compared."""
        return None

    def solver(self, net: Net) -> SolverParameter | None:
        """Return the solver that the net stands in."""
        return self._solver

    def open_net(self, solver: SolverParameter, name: str) -> NetFile:
        """Return that there is no such file."""
        return NO_FILE

    def has_file(self, solver: SolverParameter, name: str) -> bool:
        """Return that there is no such file."""
        return False
