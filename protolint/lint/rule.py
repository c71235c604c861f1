"""The rule contract: what a rule module declares, gets and yields.

A rule is a function registered by `@rule` that looks at one subject and yields findings.
Its module's docstring is the manual page; `VALID` and `INVALID` in the module are examples
that the manual shows and the test suite runs.

`where` asks a Caffe whether the rule is for it: `where=lambda caffe: caffe.keeps_sums`. Rules
of plug-ins may name their `dialects` instead. Without either a rule is for every Caffe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.errors import ProtolintError
from protolint.record import NamedTuple
from protolint.source import Span

if TYPE_CHECKING:
    from protolint.layers.setup_check import Kind
    from protolint.lint.checked_file import CheckedFile
    from protolint.lint.weights import Weights
    from protolint.net.net import Net
    from protolint.net.solver import Solver
    from protolint.net.solver_faults import SolverKind
    from protolint.workspace.reading import LintFile

__all__ = [
    "NOTHING", "Example", "Finding", "Invalid", "Needs", "Rule", "Scope", "checked_file_rule",
    "file_rule", "net_rule", "run_rule", "snapshots_rule", "solver_rule", "weights_rule",
]  # fmt: skip


class Scope(Enum):
    """What a rule looks at.

    Text against schema, each net of the file, the solver, the file when all these rules have
    checked it, a weight file, or several weight files of one net, which only `protolint stats`
    compares.
    """

    FILE = "file"
    NET = "net"
    SOLVER = "solver"
    CHECKED_FILE = "checked file"
    WEIGHTS = "weights"
    SNAPSHOTS = "snapshots"
    #: The name in rules of plug-ins that are older.
    RUN = CHECKED_FILE


class Finding(NamedTuple):
    """What a rule found. The severity is the rule's own unless given.

    Findings of one rule that are `alike` in a file, by a word for what they are about, are shown
    as one with their number.
    """

    span: Span
    message: str
    layer: str | None = None
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    severity: Severity | None = None
    alike: str = ""


class Example(NamedTuple):
    """A file on which the rule must stay quiet, for one target, or for the inferred one ("auto").

    `others` are files beside it, name to text: a solver's net, the training net of a deploy
    net (`net.prototxt` and the like; the example itself is `example.prototxt`, or the name
    given).
    """

    target: str
    text: str
    others: Mapping[str, str] = MappingProxyType({})
    name: str = "example.prototxt"


class Invalid(NamedTuple):
    """A file on which the rule fires, at these lines, and what its fixes make of it."""

    target: str
    text: str
    lines: tuple[int, ...]
    fixed: str | None = None
    others: Mapping[str, str] = MappingProxyType({})
    name: str = "example.prototxt"


class Needs(NamedTuple):
    """What there must be for a rule to find anything: one thing of those named is enough.

    Layers of some `types`, some `words` in the text, `faults` of some kinds that keep the net
    from being built (names of protolint.layers.setup_check.Kind) or the solver from being made
    (of protolint.net.solver_faults.SolverKind), anything that is wrong with the syntax, the schema,
    the building of the net or its fit to its model (`problems`), a net that is trained and deployed
    (`sibling`), `fields` of the file's own. A rule that names none of them is always asked.
    """

    types: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    problems: bool = False
    sibling: bool = False
    fields: tuple[str, ...] = ()


NOTHING = Needs()


class Rule(NamedTuple):
    """A registered rule: its metadata and its function.

    `dialects` names the targets it can fire for; empty means every one. `reader` marks the
    rules that still make sense after a syntax error. Where nothing is there of what it `needs`,
    its function is not called, and its module not imported.
    """

    code: str
    name: str
    severity: Severity
    scope: Scope
    dialects: frozenset[str]
    reader: bool
    module: str
    check: Callable[[Any], Iterator[Finding]]
    needs: Needs = NOTHING

    def applies_to(self, dialect: str) -> bool:
        """Whether the rule can fire for a target."""
        return not self.dialects or dialect in self.dialects


#: What decides by a Caffe's facts whether a rule is for it.
_Where = Callable[[Dialect], bool]

#: Every rule by its code. Our own stand here before their modules are imported (registry).
RULES: dict[str, Rule] = {}


_Subject = TypeVar("_Subject")
_Check: TypeAlias = Callable[[_Subject], Iterator[Finding]]
#: What a decorator of rules does: it registers the check and gives it back.
_Registers: TypeAlias = Callable[[_Check[_Subject]], _Check[_Subject]]


def _rule(
    scope: Scope,
    code: str,
    name: str,
    severity: Severity,
    where: _Where | None,
    dialects: tuple[str, ...],
    *,
    reader: bool = False,
    needs: Needs = NOTHING,
) -> Callable[[_Check[Any]], _Check[Any]]:
    """Return the decorator of a rule that looks at one kind of subject."""
    names = frozenset(dialects)
    if where is not None:
        names = frozenset(name for name, dialect in DIALECTS.items() if where(dialect))

    def register(check: _Check[Any]) -> _Check[Any]:
        module = check.__module__
        known = RULES.get(code)
        if known is not None and known.module != module:
            raise ProtolintError(f"rule {code} is defined in {known.module} and {module}")
        RULES[code] = Rule(code, name, severity, scope, names, reader, module, check, needs)
        return check

    return register


def file_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
    reader: bool = False,
    words: tuple[str, ...] = (),
    problems: bool = False,
    fields: tuple[str, ...] = (),
) -> _Registers[LintFile]:
    """Register a rule that looks at a whole file, net or solver."""
    needs = Needs(words=words, problems=problems, fields=fields)
    return _rule(Scope.FILE, code, name, severity, where, dialects, reader=reader, needs=needs)


def net_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    faults: tuple[Kind, ...] = (),
    problems: bool = False,
    sibling: bool = False,
) -> _Registers[Net]:
    """Register a rule that looks at each net of a file: the net itself, or those inline."""
    kinds = tuple(kind.name for kind in faults)
    needs = Needs(types, words, kinds, problems, sibling)
    return _rule(Scope.NET, code, name, severity, where, dialects, needs=needs)


def solver_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    faults: tuple[SolverKind, ...] = (),
) -> _Registers[Solver]:
    """Register a rule that looks at a solver, with the nets it names where they are found."""
    needs = Needs(words=words, faults=tuple(kind.name for kind in faults))
    return _rule(Scope.SOLVER, code, name, severity, where, dialects, needs=needs)


def checked_file_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    problems: bool = False,
) -> _Registers[CheckedFile]:
    """Register a rule that looks at a file after the rules on text have run for each target."""
    needs = Needs(words=words, problems=problems)
    return _rule(Scope.CHECKED_FILE, code, name, severity, where, dialects, needs=needs)


#: The name in plug-ins that are older.
run_rule = checked_file_rule


def weights_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> _Registers[Weights]:
    """Register a rule that looks at a weight file, with the net it is for where one is given."""
    return _rule(Scope.WEIGHTS, code, name, severity, where, dialects)


def snapshots_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> _Registers[Weights]:
    """Register a rule about several weight files of one net; `protolint check` never runs it."""
    return _rule(Scope.SNAPSHOTS, code, name, severity, where, dialects)
