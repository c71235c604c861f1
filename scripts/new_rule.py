"""Start the module of a new rule: every section of its manual, and one example of each kind.

    python scripts/new_rule.py BN034 gamma-out-of-range
    python scripts/new_rule.py SV009 no-snapshot --scope solver

The module is complete: its examples pass. Its rule finds something made up; put yours in place.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from protolint.lint.registry import known_rules

REPO_ROOT = Path(__file__).resolve().parent.parent

EXIT_OK, EXIT_USAGE = 0, 2

_MANUAL = '''\
"""TODO: the fault in one line, as a noun phrase that ends with a full stop.

What it does
    TODO: reports which layers, in which states; what looks alike and is right.

Why it matters
    TODO: what the user sees, and when.

Which Caffe
    TODO: which Caffes, and where the source says so: file and tag.

{fix}Evidence
    TODO: issues of the public repositories, as BVLC/caffe#1, or what was observed.
"""

from __future__ import annotations

from collections.abc import Iterator
'''
_FIX = """\
Fix
    TODO: Safe or Unsafe, and what it changes.

"""
_NET = """\

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import quote, replace_value

from ._layers import named


@net_rule("{code}", "{name}", Severity.WARNING)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(("Wrong",)):
        yield Finding(
            layer.head,
            f"{{named(layer)}}: TODO what is wrong; what to do",
            layer=layer.name,
            fix=_fix(layer),
        )


def _fix(layer: Layer) -> Fix | None:
    if not isinstance(layer.type_node, Scalar):
        return None
    return Fix("TODO what it does", (replace_value(layer.type_node, quote("ReLU")),))


_NET = 'layer {{ name: "a" type: "%s" bottom: "x" top: "y" }}\\n'
VALID = (Example("bvlc", _NET % "ReLU"),)
INVALID = (Invalid("bvlc", _NET % "Wrong", (1,), fixed=_NET % "ReLU"),)
"""
_FILE = """\

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.workspace.reading import LintFile


@file_rule("{code}", "{name}", Severity.WARNING)
def check(file: LintFile) -> Iterator[Finding]:
    node = file.message.node_of("name")
    if node is not None and file.message.text("name") == "wrong":
        yield Finding(node.span, "TODO what is wrong; what to do")


VALID = (Example("bvlc", 'name: "right"\\n'),)
INVALID = (Invalid("bvlc", 'name: "wrong"\\n', (1,)),)
"""
_SOLVER = """\

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver

from ._solver import first_place


@solver_rule("{code}", "{name}", Severity.WARNING)
def check(solver: Solver) -> Iterator[Finding]:
    if solver.message.number("base_lr") > 100:
        yield Finding(first_place(solver.message, "base_lr"), "TODO what is wrong; what to do")


VALID = (Example("bvlc", "base_lr: 0.1\\nmax_iter: 9\\n"),)
INVALID = (Invalid("bvlc", "base_lr: 101\\nmax_iter: 9\\n", (1,)),)
"""
_WEIGHTS = """\
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("{code}", "{name}", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    for layer in weights.file.layers:
        if layer.name == "wrong":
            message = f"{{titled(layer.name)}}: TODO what is wrong; what to do"
            yield Finding(layer.span, message, layer=layer.name)


_LAYER = 'layer {{ name: "%s" blobs {{ shape {{ dim: 1 }} data: 1 }} }}\\n'
VALID = (WeightsExample("bvlc", _LAYER % "right"),)
INVALID = (InvalidWeights("bvlc", _LAYER % "wrong", ("wrong",)),)
"""
_BODIES = {"net": _NET, "file": _FILE, "solver": _SOLVER, "weights": _WEIGHTS}


def module_text(code: str, name: str, scope: str) -> str:
    """Return the text of a rule's module. `scope` is what the rule looks at: net, file, ..."""
    manual = _MANUAL.format(fix=_FIX if scope == "net" else "")
    return manual + _BODIES[scope].format(code=code, name=name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the module, print what comes next and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("code", help="a family and a free number, as BN034")
    parser.add_argument("name", help="the fault in words with hyphens, as gamma-out-of-range")
    parser.add_argument("--scope", choices=sorted(_BODIES), default="net")
    parser.add_argument("--folder", type=Path, default=REPO_ROOT / "rules")
    options = parser.parse_args(arguments)
    code, name = options.code.upper(), options.name
    problem = _problem(code, name, options.scope)
    if problem:
        print(f"new_rule: {problem}", file=sys.stderr)
        return EXIT_USAGE
    path = options.folder / f"{code.lower()}_{name.replace('-', '_')}.py"
    path.write_text(module_text(code, name, options.scope), "utf-8")
    print(f"wrote {path}. Next:")
    print("  1. write the manual, the check and the examples: each look-alike you can think of")
    print(f"  2. python -m pytest tests/test_rule_examples.py tests/rules -k {code}")
    print(f"  3. python scripts/mutate_rules.py --rule {code}   what no example shows")
    print("  4. python scripts/record_findings.py")
    print("  5. python scripts/gen_rule_docs.py")
    return EXIT_OK


def _problem(code: str, name: str, scope: str) -> str:
    """Return why a code and a name are no good, or ""."""
    if not re.fullmatch(r"[A-Z]{2}\d{3}", code):
        return f"'{code}' is no code; write two letters and three digits, as BN034"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        return f"'{name}' is no name; write small letters and hyphens"
    if (code[:2] == "WT") != (scope == "weights"):
        return "rules on weights, and they alone, have codes WT...; say --scope weights"
    for rule in known_rules():
        if code == rule.code or name == rule.name:
            return f"there is {rule.code} {rule.name} already"
    return ""


if __name__ == "__main__":
    sys.exit(main())
