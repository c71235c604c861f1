"""Break every rule in small ways, and list the breaks that its examples do not show.

A mutant is a rule with one condition changed: a guard off, an operand of `and` or `or` dropped,
`<=` for `<`, a `not` dropped, a comparison turned round, a constant taken out of a tuple. The
examples of the rule, those in its module and those in tests/rules/more, run against each. A mutant
survives if the rule says the same of them all, word for word, and its fixes make the same of them:
no example shows that the condition matters. tests/rules/findings holds those words.

    python scripts/mutate_rules.py                        every rule
    python scripts/mutate_rules.py --rule BN009 --all     one rule, with the mutants left out
    python scripts/mutate_rules.py --floor 95             exit 1 if fewer than 95 % are shown

Two kinds of mutants do not count: tests for None or a class, which mypy asks for, and those that
scripts/equivalent_mutants.toml lists with the reason why they change nothing.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import multiprocessing
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import NamedTuple

REPO_ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
sys.path[:0] = [str(REPO_ROOT / "scripts"), str(REPO_ROOT)]

from run_examples import Runner  # noqa: E402

from protolint.lint.registry import find_rule  # noqa: E402
from protolint.lint.rule import RULES  # noqa: E402
from tests.rules.more import more_examples  # noqa: E402

EXIT_OK, EXIT_BELOW_FLOOR = 0, 1
#: Seconds after which a mutant counts as shown: it does not come to an end.
LONGEST = 5

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_EXAMPLES = frozenset({"VALID", "INVALID"})


class Mutant(NamedTuple):
    """One change to a rule: where, what was there and what is there instead."""

    code: str
    line: int
    before: str
    after: str
    is_guard: bool

    @property
    def key(self) -> str:
        """How equivalent_mutants.toml calls it."""
        return f"{self.before} -> {self.after}"


class Result(NamedTuple):
    """What became of the mutants of one rule."""

    code: str
    mutants: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]


class _Change(NamedTuple):
    """A node of the tree, the field of it that changes, and the new value."""

    node: ast.AST
    field: str
    value: object
    before: str
    after: str
    is_guard: bool = False


def mutants(tree: ast.Module) -> Iterator[_Change]:
    """Yield every change to the code that the rule of a module runs."""
    for root in _reached(tree):
        for node in _nodes(root):
            yield from _changes(node)


def _reached(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the rule's function and the functions and constants it uses."""
    named: dict[str, ast.stmt] = {}
    work: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            named[statement.name] = statement
            if isinstance(statement, ast.FunctionDef) and statement.decorator_list:
                rule = statement.decorator_list[0]
                if isinstance(rule, ast.Call) and ast.unparse(rule.func).endswith("_rule"):
                    work.append(statement)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and name.id not in _EXAMPLES:
                        named[name.id] = statement
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            named[statement.target.id] = statement
    seen: set[int] = set()
    while work:
        statement = work.pop()
        if id(statement) in seen:
            continue
        seen.add(id(statement))
        yield statement
        used = [node.id for node in _nodes(statement) if isinstance(node, ast.Name)]
        work += [named[name] for name in used if name in named]


def _nodes(root: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those of decorators, parameters and annotations."""
    yield root
    for field, value in ast.iter_fields(root):
        if field in ("decorator_list", "annotation", "returns", "args") and not isinstance(
            root, (ast.Call, ast.Lambda)
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.If):
        leaves = isinstance(node.body[-1], (ast.Continue, ast.Return, ast.Break))
        value = not (leaves and not node.orelse)
        yield _set(node, "test", value, node.test)
    elif isinstance(node, ast.IfExp):
        yield _set(node, "test", True, node.test)
        yield _set(node, "test", False, node.test)
    elif isinstance(node, ast.comprehension):
        for i, test in enumerate(node.ifs):
            rest = [*node.ifs[:i], *node.ifs[i + 1 :]]
            yield _Change(node, "ifs", rest, f"if {ast.unparse(test)}", "", _is_guard(test))
    elif isinstance(node, ast.BoolOp):
        for i, operand in enumerate(node.values):
            rest = [*node.values[:i], *node.values[i + 1 :]]
            less = copy.copy(node)
            less.values = rest
            after = ast.unparse(less if len(rest) > 1 else rest[0])
            yield _Change(node, "values", rest, ast.unparse(node), after, _is_guard(operand))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        twice = ast.UnaryOp(ast.Not(), node.operand)
        yield _Change(
            node, "operand", twice, ast.unparse(node), ast.unparse(node.operand), _is_guard(node)
        )
    elif isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            turned = copy.copy(node)
            turned.ops = [*node.ops[:i], _TURNED[type(operator)](), *node.ops[i + 1 :]]
            yield _Change(
                node, "ops", turned.ops, ast.unparse(node), ast.unparse(turned), _is_guard(node)
            )
    elif isinstance(node, (ast.Tuple, ast.Set, ast.List)) and len(node.elts) > 1:
        for i, item in enumerate(node.elts):
            if isinstance(item, ast.Constant):
                rest = [*node.elts[:i], *node.elts[i + 1 :]]
                after = f"without {ast.unparse(item)}"
                yield _Change(node, "elts", rest, ast.unparse(node), after)


def _set(node: ast.AST, field: str, value: bool, test: ast.expr) -> _Change:
    return _Change(node, field, ast.Constant(value), ast.unparse(test), str(value), _is_guard(test))


def _is_guard(test: ast.expr) -> bool:
    """Whether a condition only asks for None or a class, as a type checker wants it."""
    if isinstance(test, ast.BoolOp):
        return all(_is_guard(operand) for operand in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_guard(test.operand)
    if isinstance(test, ast.Compare):
        return all(
            isinstance(operator, (ast.Is, ast.IsNot))
            and isinstance(other, ast.Constant)
            and other.value is None
            for operator, other in zip(test.ops, test.comparators, strict=True)
        )
    return isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance"


@contextlib.contextmanager
def _applied(change: _Change) -> Iterator[None]:
    old = getattr(change.node, change.field)
    new = change.value
    if isinstance(change.node, ast.BoolOp) and isinstance(new, list) and len(new) == 1:
        new = [*new, *new]
    setattr(change.node, change.field, new)
    try:
        yield
    finally:
        setattr(change.node, change.field, old)


class _EndlessError(Exception):
    """A mutant that does not come to an end."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _EndlessError


def run_rule(path: Path) -> Result:
    """Run the examples of one rule's module against each of its mutants."""
    code = path.stem.partition("_")[0].upper()
    name = f"protolint.rules.{path.stem}"
    original = importlib.import_module(name)
    rule = find_rule(code)
    tree = ast.parse(path.read_text("utf-8"))
    made: list[Mutant] = []
    survivors: list[Mutant] = []
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(code, original, Path(folder), more_examples(code))
        expected = runner.outcome()
        for change in mutants(tree):
            line = getattr(change.node, "lineno", 0) or change.node.target.lineno  # type: ignore[attr-defined]
            mutant = Mutant(code, line, change.before, change.after, change.is_guard)
            made.append(mutant)
            with _applied(change):
                program = compile(ast.fix_missing_locations(tree), str(path), "exec")
            if _survives(runner, program, name, expected):
                survivors.append(mutant)
            RULES[code] = rule
    return Result(code, tuple(made), tuple(survivors))


def _survives(runner: Runner, program: object, name: str, expected: list[str]) -> bool:
    module = ModuleType(name)
    module.__package__ = "protolint.rules"
    signal.alarm(LONGEST)
    try:
        exec(program, module.__dict__)  # type: ignore[arg-type]
        return runner.outcome() == expected
    except Exception:
        return False
    finally:
        signal.alarm(0)


def reasons() -> dict[str, dict[str, str]]:
    """Return why mutants change nothing, by rule and then by the mutant's key."""
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    with EQUIVALENT.open("rb") as file:
        found: dict[str, dict[str, str]] = tomllib.load(file)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants of the rules asked for, and print those that survive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rule", action="append", default=[], metavar="CODE")
    parser.add_argument("--floor", type=float, metavar="PERCENT", help="exit 1 below this")
    parser.add_argument("--all", action="store_true", help="list what does not count, too")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    options = parser.parse_args(arguments)
    wanted = {code.upper() for code in options.rule}
    paths = [
        path
        for path in sorted((REPO_ROOT / "rules").glob("[a-z]*.py"))
        if not wanted or path.stem.partition("_")[0].upper() in wanted
    ]
    with multiprocessing.Pool(min(options.jobs, len(paths))) as pool:
        results = pool.map(run_rule, paths, chunksize=1)
    return report(sorted(results), reasons(), floor=options.floor, every=options.all)


def report(
    results: Sequence[Result],
    known: dict[str, dict[str, str]],
    *,
    floor: float | None,
    every: bool = False,
) -> int:
    """Print the survivors by rule and return the exit code."""
    count = left = guards = equal = 0
    for result in results:
        listed = known.get(result.code, {})
        equivalent = [m for m in result.mutants if m.key in listed]
        shown = [m for m in result.survivors if m not in equivalent and (every or not m.is_guard)]
        gone = set(listed) - {m.key for m in result.survivors}
        guarded = [m for m in result.survivors if m.is_guard and m not in equivalent]
        guards += len(guarded)
        equal += len(equivalent)
        count += len(result.mutants) - len(guarded) - len(equivalent)
        left += sum(not m.is_guard for m in shown)
        if shown or gone:
            print(f"{result.code}: {len(shown)} of {len(result.mutants)} survive")
        for mutant in shown:
            print(f"    line {mutant.line}: {mutant.key}" + "  (guard)" * mutant.is_guard)
        for key in sorted(gone):
            print(f"    not a survivor, but listed as equivalent: {key}")
    percent = 100 * (count - left) / max(count, 1)
    print(
        f"{count - left} of {count} mutants are shown by an example ({percent:.1f} %); not"
        f" counted: {guards} guards for types, {equal} equivalent"
    )
    return EXIT_BELOW_FLOOR if floor is not None and percent < floor else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
