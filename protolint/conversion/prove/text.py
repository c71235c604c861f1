"""Prove converted text: the target's parser takes it, and no rule finds a new error in it.

Weights are proven by their numbers. Text is read back as the target reads it, by our parser and by
the official one, and the rules run on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from protolint.caffe.dialect import Dialect
from protolint.conversion import refusals
from protolint.conversion.refusal import Refusal
from protolint.diagnostic import Severity
from protolint.lint.findings import TextRules, findings_of
from protolint.lint.registry import known_rules
from protolint.net.init import construction, state_of, verdicts
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings

__all__ = ["new_faults"]

_OWN = "protolint.rules."
#: Where the files lie that a solver names is not seen from its new text alone.
_PLACES = frozenset({"SV008"})


class _Error(NamedTuple):
    """An error that a rule found; the line is that of the text it was found in."""

    code: str
    layer: str
    message: str
    line: int


def new_faults(before: LintFile, text: bytes, target: Dialect) -> list[Refusal]:
    """Return why a converted text must not be written; nothing where it is sound.

    `before` is the source as its own Caffe reads it. What is wrong there may stay wrong.
    """
    if before.dialect == target and text == before.source.data:
        return []
    build = before.build._replace(schema=None)
    after = Readings.of(Source(before.source.path, text), build).read(target)
    unread = _unread(before, after)
    if unread is not None:
        return [unread]
    known = Counter((error.code, error.layer) for error in _errors(before))
    found = []
    for error in _errors(after):
        if known[error.code, error.layer]:
            known[error.code, error.layer] -= 1
        else:
            found.append(refusals.new_error(error.layer, error.message, error.code))
    return found or list(_no_longer_built(before, after))


def _no_longer_built(before: LintFile, after: LintFile) -> Iterator[Refusal]:
    """Yield why the target does not build a net that its own Caffe builds."""
    for old, new in zip(before.nets, after.nets, strict=True):
        built = verdicts(old)
        for state, verdict in verdicts(new).items():
            if verdict is False and built.get(state):
                named = (view for view in new.views if str(view.state) == state)
                view = next(named, None) or new.view_in(state_of(new, state))
                fault = construction(new, view).faults[0]
                layer = fault.layer.name if fault.layer is not None else ""
                yield refusals.not_built(layer, after.dialect.name, fault.message)
                break


def _unread(before: LintFile, after: LintFile) -> Refusal | None:
    """Return why the target's own parser would not take a text, if it would not."""
    if before.accepted and not after.accepted:
        line = after.source.line_number
        for problem in after.tree.problems:
            if problem.fatal:
                reason = f"line {line(problem.span.start)}: {problem.message}"
                return refusals.unreadable("", after.dialect.name, reason)
        for misfit in after.misfits:
            reason = (
                f"'{misfit.node.name}' does not fit {misfit.message.name} ({misfit.kind.value})"
            )
            layer = after.layer_at(misfit.node.start) or ""
            reason = f"line {line(misfit.node.start)}: {reason}"
            return refusals.unreadable(layer, after.dialect.name, reason)
    objection = _official(after)
    if objection is None or _official(before) is not None:
        return None
    return refusals.unreadable("", after.dialect.name, objection)


def _official(file: LintFile) -> str | None:
    """Return what the official parser of text format says against a file, if anything.

    It knows no fields of the user's own Caffe; which others a file has, our parser says.
    """
    from google.protobuf import text_format

    name = "SolverParameter" if file.kind is FileKind.SOLVER else "NetParameter"
    message = file.schema.message_class(name)()
    try:
        own = bool(file.build.extra_fields)
        text_format.Parse(file.source.data, message, allow_unknown_field=own)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        return str(error)
    return None


def _errors(file: LintFile) -> Iterator[_Error]:
    """Yield what our own rules call an error, whatever the configuration and comments say."""
    rules = (
        rule
        for rule in known_rules()
        if rule.applies_to(file.dialect.name)
        and rule.module.startswith(_OWN)
        and rule.code not in _PLACES
    )
    for rule, finding in findings_of(TextRules.of(rules), file):
        if (finding.severity or rule.severity) is Severity.ERROR:
            line = file.source.line_number(finding.span.start)
            yield _Error(rule.code, finding.layer or "", finding.message, line)
