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
from typing import TYPE_CHECKING, Any, NamedTuple

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.errors import ProtolintError
from protolint.source import Span

if TYPE_CHECKING:
    from protolint.lint.weights import Weights
    from protolint.net.net import Net
    from protolint.net.solver import Solver
    from protolint.workspace.reading import LintFile

__all__ = [
    "Example", "Finding", "Invalid", "Rule", "Scope", "file_rule", "net_rule", "snapshots_rule",
    "solver_rule", "weights_rule",
]  # fmt: skip


class Scope(Enum):
    """What a rule looks at.

    Text against schema, each net of the file, the solver, a weight file, or several weight
    files of one net, which only `protolint stats` compares.
    """

    FILE = "file"
    NET = "net"
    SOLVER = "solver"
    WEIGHTS = "weights"
    SNAPSHOTS = "snapshots"


class Finding(NamedTuple):
    """What a rule found. The severity is the rule's own unless given."""

    span: Span
    message: str
    layer: str | None = None
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    severity: Severity | None = None


class Example(NamedTuple):
    """A file on which the rule must stay quiet, for one target.

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


class Rule(NamedTuple):
    """A registered rule: its metadata and its function.

    `dialects` names the targets it can fire for; empty means every one. `reader` marks the
    rules that still make sense after a syntax error.
    """

    code: str
    name: str
    severity: Severity
    scope: Scope
    dialects: frozenset[str]
    reader: bool
    module: str
    check: Callable[[Any], Iterator[Finding]]

    def applies_to(self, dialect: str) -> bool:
        """Whether the rule can fire for a target."""
        return not self.dialects or dialect in self.dialects


#: What decides by a Caffe's facts whether a rule is for it.
_Where = Callable[[Dialect], bool]

#: Every rule by its code. One for weights may stand here by code and name only, until the
#: registry loads it.
RULES: dict[str, Rule] = {}


def _register(
    code: str,
    name: str,
    severity: Severity,
    scope: Scope,
    dialects: frozenset[str],
    check: Callable[[Any], Iterator[Finding]],
    *,
    reader: bool = False,
) -> None:
    module = check.__module__
    known = RULES.get(code)
    if known is not None and known.module != module:
        raise ProtolintError(f"rule {code} is defined in {known.module} and {module}")
    RULES[code] = Rule(code, name, severity, scope, dialects, reader, module, check)


def _names(where: _Where | None, dialects: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the dialects that a rule is for; empty means every one."""
    if where is not None:
        return frozenset(name for name, dialect in DIALECTS.items() if where(dialect))
    return frozenset(dialects)


_FileCheck = Callable[["LintFile"], Iterator[Finding]]
_NetCheck = Callable[["Net"], Iterator[Finding]]
_SolverCheck = Callable[["Solver"], Iterator[Finding]]
_WeightsCheck = Callable[["Weights"], Iterator[Finding]]


def file_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
    reader: bool = False,
) -> Callable[[_FileCheck], _FileCheck]:
    """Register a rule that looks at a whole file, net or solver."""

    def register(check: _FileCheck) -> _FileCheck:
        _register(code, name, severity, Scope.FILE, _names(where, dialects), check, reader=reader)
        return check

    return register


def net_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> Callable[[_NetCheck], _NetCheck]:
    """Register a rule that looks at each net of a file: the net itself, or those inline."""

    def register(check: _NetCheck) -> _NetCheck:
        _register(code, name, severity, Scope.NET, _names(where, dialects), check)
        return check

    return register


def solver_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> Callable[[_SolverCheck], _SolverCheck]:
    """Register a rule that looks at a solver, with the nets it names where they are found."""

    def register(check: _SolverCheck) -> _SolverCheck:
        _register(code, name, severity, Scope.SOLVER, _names(where, dialects), check)
        return check

    return register


def weights_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> Callable[[_WeightsCheck], _WeightsCheck]:
    """Register a rule that looks at a weight file, with the net it is for where one is given."""

    def register(check: _WeightsCheck) -> _WeightsCheck:
        _register(code, name, severity, Scope.WEIGHTS, _names(where, dialects), check)
        return check

    return register


def snapshots_rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    where: _Where | None = None,
    dialects: tuple[str, ...] = (),
) -> Callable[[_WeightsCheck], _WeightsCheck]:
    """Register a rule about several weight files of one net; `protolint check` never runs it."""

    def register(check: _WeightsCheck) -> _WeightsCheck:
        _register(code, name, severity, Scope.SNAPSHOTS, _names(where, dialects), check)
        return check

    return register
