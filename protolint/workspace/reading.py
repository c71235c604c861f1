"""One file as one target reads it: what rules are given."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from protolint.caffe.binder import BindProblem, bind
from protolint.caffe.build import STANDARD, Build
from protolint.caffe.descriptors import MessageType, Schema, load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, NEWEST, label_map_type
from protolint.net.net import ALONE, Net, Relatives
from protolint.net.solver import Solver
from protolint.source import Source
from protolint.text import parse
from protolint.text.tree import Block, ListValue, Scalar, Tree
from protolint.text.values import BAD, quoted
from protolint.weights.kinds import FileKind
from protolint.workspace.directives import Directives, read_directives

__all__ = ["LintFile", "Readings", "classify"]


_MESSAGES = {
    FileKind.NET: "NetParameter",
    FileKind.SOLVER: "SolverParameter",
    FileKind.LABELS: "LabelMap",
    FileKind.OTHER: "NetParameter",
}
_LAYERS = frozenset({"layer", "layers"})


def classify(tree: Tree) -> FileKind:
    """Return what a file is, by the names of its top-level fields: a net, a solver, a label map.

    Layers make a net, then a field that only solvers have makes a solver; a file with no
    field at all is a net without layers, unless its syntax is broken.
    """
    names = {child.name for child in tree.children}
    if names & _LAYERS:
        return FileKind.NET
    if names == {"item"}:
        return FileKind.LABELS
    if not names:
        return FileKind.OTHER if tree.broken else FileKind.NET
    is_net = False
    for dialect in (DEFAULT, NEWEST):
        known = load_schema(dialect.schema).messages
        of_net = names & known["NetParameter"].fields.keys()
        if names & known["SolverParameter"].fields.keys() - of_net:
            return FileKind.SOLVER
        is_net = is_net or bool(of_net)
    return FileKind.NET if is_net else FileKind.OTHER


def _type_of(kind: FileKind, schema: Schema) -> MessageType:
    """Return what a file is in a schema.

    Few Caffes read label maps; those that do have one form of them.
    """
    return schema.messages.get(_MESSAGES[kind]) or label_map_type()


def _without(build: Build, found: list[BindProblem]) -> list[BindProblem]:
    """Return what does not fit, but for the fields of the user's own Caffe."""
    if not found or not build.extra_fields:
        return found
    return [p for p in found if not build.adds_field(p.message.name, p.node.name)]


class LintFile:
    """A parsed file bound to the schema of one target.

    `misfits` are the fields that do not fit the schema, `problems` those of them that are
    worth saying: what stands on a line with a syntax error follows from it. `directives` are
    what the file's comments say to protolint.
    """

    def __init__(
        self,
        tree: Tree,
        kind: FileKind,
        dialect: Dialect,
        build: Build,
        directives: Directives,
        relatives: Relatives,
    ) -> None:
        self.tree = tree
        self.directives = directives
        self._relatives = relatives
        self.source: Source = tree.source
        self.kind = kind
        self.dialect = dialect
        self.build = build
        self.schema = build.schema or load_schema(dialect.schema)
        self.message, found = bind(_type_of(kind, self.schema), tree.children)
        found = _without(build, found)
        self.accepted = not found and not tree.broken and kind is not FileKind.OTHER
        self.misfits: list[BindProblem] = found
        self.problems = found
        if found and tree.broken:
            line = self.source.line_number
            broken = {line(problem.span.start) for problem in tree.problems if problem.fatal}
            self.problems = [p for p in found if line(p.node.start) not in broken]

    @cached_property
    def solver(self) -> Solver | None:
        """The solver, if the file is one."""
        if self.kind is not FileKind.SOLVER:
            return None
        return Solver(
            self.message, self.dialect, self.source, build=self.build, relatives=self._relatives
        )

    @cached_property
    def nets(self) -> list[Net]:
        """The net of the file, or the nets that stand inside a solver."""
        if self.solver is not None:
            return self.solver.inline
        if self.kind is not FileKind.NET:
            return []
        return [
            Net(
                self.message,
                self.dialect,
                self.source,
                build=self.build,
                relatives=self._relatives,
                misfits=sorted(problem.node.start for problem in self.misfits),
            )
        ]

    @cached_property
    def _top_starts(self) -> list[int]:
        return [child.start for child in self.tree.children]

    def layer_block_at(self, offset: int) -> Block | None:
        """Return the layer that a byte offset lies in, or None outside layers."""
        index = bisect_right(self._top_starts, offset) - 1
        if index < 0:
            return None
        node = self.tree.children[index]
        if isinstance(node, ListValue):
            inside = [item for item in node.items if item.start <= offset <= item.end]
            node = inside[0] if inside else node
        if not isinstance(node, Block) or node.name not in _LAYERS or offset > node.end:
            return None
        return node

    def layer_at(self, offset: int) -> str | None:
        """Return the name of the layer that a byte offset lies in, or None outside layers.

        Read from the tree, so that it is known for broken and unknown fields too.
        """
        block = self.layer_block_at(offset)
        return None if block is None else _name_in(block)


class Readings:
    """One parsed file, read as each dialect that is asked for; each reading is made once.

    `directives` are what its comments say, whatever Caffe it is for.
    """

    def __init__(self, tree: Tree, build: Build = STANDARD, relatives: Relatives = ALONE) -> None:
        self.tree = tree
        self.kind = classify(tree)
        self.build = build
        self.directives = read_directives(tree)
        self._relatives = relatives
        self._files: dict[str, LintFile] = {}

    @classmethod
    def of(cls, source: Source, build: Build = STANDARD, relatives: Relatives = ALONE) -> Readings:
        """Parse a source, to be read as one dialect or another."""
        return cls(parse(source), build, relatives)

    def read(self, dialect: Dialect) -> LintFile:
        """Return the file bound to a dialect's schema, or to the user's own."""
        file = self._files.get(dialect.name)
        if file is None:
            file = self._files[dialect.name] = LintFile(
                self.tree, self.kind, dialect, self.build, self.directives, self._relatives
            )
        return file


def _name_in(block: Block) -> str | None:
    for child in block.children:
        if child.name == "name" and isinstance(child, Scalar):
            content = quoted(child.raw)
            return child.raw if content is BAD else content.decode("utf-8", "replace")
        if child.name == "layer" and isinstance(child, Block):
            return _name_in(child)
    return None
