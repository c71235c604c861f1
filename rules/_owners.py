"""Who else knows a field or a layer type that the target does not, and what to do about it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from protolint.caffe.binder import BindProblem, ProblemKind
from protolint.caffe.descriptors import load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, forks_that_know, new_name_of, unknown_field
from protolint.caffe.registry import DIALECTS, FOREIGN, TARGETS, registered_by
from protolint.record import NamedTuple
from protolint.text.tree import Scalar
from protolint.words import joined
from protolint.workspace.reading import LintFile

if TYPE_CHECKING:
    from protolint.caffe.fork_table import Fork

_MOST = 3


class Owners(NamedTuple):
    """Who knows a thing: Caffes by name, and public forks; what it is called today."""

    dialects: tuple[str, ...] = ()
    forks: tuple[Fork, ...] = ()
    new_name: str | None = None

    def __bool__(self) -> bool:
        return any(self)

    @property
    def title(self) -> str:
        """What a message says of whose a thing is."""
        if self.dialects:
            return f"it is of {joined(DIALECTS[name].owner or name for name in self.dialects)}"
        return f"it is of {joined(fork.title for fork in self.forks[:_MOST])}"

    def advice(self, target: Dialect) -> str:
        """Return what to do with a file that has the thing."""
        known = next((name for name in TARGETS if name in self.dialects), None)
        if known is None:
            return "run the file with that Caffe, or give its caffe.proto with --proto"
        check = f"check it with --target {known}"
        if not target.can_be_written:
            return f"{check}, if it is for that Caffe"
        return f"convert the file (protolint convert --to {target.name}), or {check}"


def owners_of(file: LintFile, problem: BindProblem) -> Owners:
    """Return who has an unknown field in the same message; nobody for other problems."""
    if problem.kind is not ProblemKind.UNKNOWN_FIELD:
        return Owners()
    return _owners(file.dialect.schema, unknown_field(problem.message.name, problem.node))


@lru_cache(maxsize=4096)
def _owners(schema: str, thing: Unknown) -> Owners:
    new_name = new_name_of(thing.name)
    if new_name is not None:
        return Owners(new_name=new_name)
    forks = forks_that_know(thing)
    found: list[Dialect] = []
    for dialect in FOREIGN:
        known = dialect.schema != schema and _has_field(dialect.schema, thing)
        if known and not any(dialect.adds_to == other.name for other in found):
            found.append(dialect)
    if forks and all(dialect.merges_forks for dialect in found):
        return Owners(forks=forks)
    return Owners(tuple(dialect.name for dialect in found))


def owners_of_more(problem: BindProblem) -> Owners:
    """Return which public forks take more for a field than the target, in number or in words."""
    return Owners(forks=forks_that_know(Unknown("more", problem.place)))


def owners_of_type(written: str) -> Owners:
    """Return who registers a layer type, targets before forks but for what those took over."""
    forks = forks_that_know(Unknown("", written))
    known = registered_by(written)
    return Owners(forks=forks) if forks else Owners(tuple(known))


def _has_field(schema: str, thing: Unknown) -> bool:
    found = load_schema(schema).messages.get(thing.message)
    return found is not None and found.has_field(thing.name)


def old_word(problem: BindProblem) -> Unknown | None:
    """Return the type of an old layer that its enum does not have but a public fork does."""
    node = problem.node
    if problem.message.name != "V1LayerParameter" or not isinstance(node, Scalar):
        return None
    if problem.kind is not ProblemKind.WRONG_VALUE or node.name != "type":
        return None
    thing = Unknown("V1", node.raw)
    return thing if forks_that_know(thing) else None
