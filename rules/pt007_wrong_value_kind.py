"""A value of a kind that the field does not take.

What it does
    Reports a quoted or misspelt enum word (`phase: "TRAIN"`, `engine: cudnn`), a string
    without quotes, a number that is none, one for a field that takes a message, a list for a
    field that takes one value, and a message that lacks a field it must have.

Why it matters
    The text parser of every Caffe refuses the whole file.

Which Caffe
    All. An enum given by its number is right, and so are `True`, `t` and `1` for a bool.

Fix
    Safe where it is clear what was meant: quotes put or taken away, the case of an enum
    word corrected. Unsafe: the nearest word for a misspelt one.

Evidence
    BVLC/caffe#2779, martinkersner/train-CRF-RNN#25 and #49.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import BindProblem, ProblemKind
from protolint.caffe.descriptors import FieldType, Value
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.suggest import nearest
from protolint.text.tree import ListValue, Scalar
from protolint.text.write import quote, replace_value
from protolint.workspace.reading import LintFile

from ._owners import old_word, owners_of_more
from .pt006_mixed_layer_generations import wrong_generation


@file_rule("PT007", "wrong-value-kind", Severity.ERROR, reader=True, problems=True)
def check(file: LintFile) -> Iterator[Finding]:
    for problem in file.problems:
        node, field = problem.node, problem.field
        if field is None or wrong_generation(problem) or old_word(problem) is not None:
            continue
        if problem.kind is ProblemKind.MISSING_FIELD:
            message = f"'{node.name}' must hold '{field.name}': write {_example(field, None)}"
            yield Finding(node.name_span, message, layer=file.layer_at(node.start))
        elif problem.kind is ProblemKind.WRONG_VALUE:
            owners = owners_of_more(problem)
            near = _near(problem)
            cure = f"did you mean {near}?" if near else _cure(field, problem.guess)
            yield Finding(
                node.span if isinstance(node, Scalar) else node.name_span,
                f"'{field.name}' takes {_takes(problem)}: "
                + (f"{owners.title}; {owners.advice(file.dialect)}" if owners else cure),
                layer=file.layer_at(node.start),
                fix=_fix(problem, near),
            )


def _takes(problem: BindProblem) -> str:
    if problem.field is None:
        return ""
    if isinstance(problem.node, ListValue):
        return "one value, not a list"
    return problem.field.takes


def _example(field: FieldType, guess: Value | None) -> str:
    if field.kind == "message":
        return f"{field.name} {{ ... }}"
    return f"{field.name}: {_literal(field, guess)}"


def _literal(field: FieldType, value: Value | None) -> str:
    if field.kind in ("string", "bytes"):
        return quote(value) if isinstance(value, str) else '"..."'
    if field.kind == "enum":
        return str(value) if value is not None else next(iter(field.enum.numbers))
    if field.kind == "bool":
        return "false" if value is False else "true"
    return str(value) if value is not None else "1"


def _cure(field: FieldType, guess: Value | None) -> str:
    if guess is None and field.kind in ("enum", "bool"):
        return "write one of them"
    such = guess is None and field.kind not in ("message", "string", "bytes")
    return f"write {'one, such as ' * such}{_example(field, guess)}"


def _near(problem: BindProblem) -> str:
    """Return the word of an enum that a misspelt one was meant for, or ""."""
    node, field = problem.node, problem.field
    if field is None or field.kind != "enum" or problem.guess is not None:
        return ""
    found = nearest(node.raw, field.enum.numbers) if isinstance(node, Scalar) else None
    return found[0] if found is not None else ""


def _fix(problem: BindProblem, near: str) -> Fix | None:
    node, field, guess = problem.node, problem.field, problem.guess
    if field is None or not isinstance(node, Scalar) or (guess is None and not near):
        return None
    literal = near or _literal(field, guess)
    safe = Applicability.UNSAFE if near else Applicability.SAFE
    return Fix(f"Write {literal}", (replace_value(node, literal),), safe)


VALID = (
    # For PT002, PT006 and PT004.
    Example("bvlc", "layer { frobnicate: 1 }\n"),
)
INVALID = (
    Invalid("bvlc", "layer { loss_param { normalization: PRE_FIXED } }\n", (1,)),
    Invalid(
        "bvlc",
        'layer {\n  type: BatchNorm\n  include { phase: "TRAIN" }\n}\n',
        (2, 3),
        fixed='layer {\n  type: "BatchNorm"\n  include { phase: TRAIN }\n}\n',
    ),
)
