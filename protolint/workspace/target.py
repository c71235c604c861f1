"""Which Caffe a file is for: as asked, as the file says, or by what is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from protolint.caffe.descriptors import Schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, fork_of, forks_that_know
from protolint.caffe.registry import DEFAULT, DIALECTS, DIGITS_CAFFE, TARGETS
from protolint.text.tree import Node
from protolint.weights.kinds import FileKind
from protolint.workspace.config import Settings
from protolint.workspace.evidence import Evidence, evidence_in, strangers
from protolint.workspace.reading import Readings

if TYPE_CHECKING:
    from protolint.caffe.fork_table import Fork

__all__ = ["Basis", "Target", "infer_target", "stated_targets", "targets_of"]

_NOTHING = Evidence()


class Basis(Enum):
    """What a target rests on."""

    #: An option, a comment in the file or the configuration names it.
    GIVEN = "given"
    #: Something in the file or in its model's other files speaks for it.
    SHOWN = "shown"
    #: Nothing speaks for any.
    ASSUMED = "assumed"


class Target(NamedTuple):
    """A dialect to check for, and why: shown to the user as "`name`, `reason`".

    `is_misfit` says that it is the nearest one to a file that it does not take, of the public
    fork named, if one knows it.
    """

    dialect: Dialect
    reason: str
    basis: Basis = Basis.GIVEN
    is_misfit: bool = False
    fork: str = ""


def targets_of(
    readings: Readings,
    asked: tuple[Dialect, ...],
    settings: Settings,
    family: Callable[[], Evidence] = Evidence,
) -> list[Target]:
    """Return what a file is checked for: as asked, as it says, or as its content shows.

    `family` gives the evidence in the other files of its model. A net that DIGITS made, with
    BatchNorms that may be of its Caffe or of BVLC's, is checked for both.
    """
    if asked:
        return _unique(asked, "as asked")
    stated = stated_targets(readings, settings)
    if stated:
        return stated
    found = infer_target(readings, family())
    if found.dialect is not DEFAULT or readings.kind is not FileKind.NET:
        return [found]
    own = evidence_in(readings)
    if not own.digits or readings.build.schema is not None:
        return [found]
    line = readings.tree.source.line_number(own.digits[0].node.start)
    reason = f"a net for DIGITS, by the stages from line {line} on"
    if not own.has_norms:
        return [found._replace(reason=f"{reason}, and no BatchNorm on which Caffes differ")]
    return [
        Target(DIGITS_CAFFE, f"{reason}: the Caffe that it came with", Basis.ASSUMED),
        Target(DEFAULT, "the other Caffe that DIGITS runs", Basis.ASSUMED),
    ]


def stated_targets(readings: Readings, settings: Settings) -> list[Target]:
    """Return the targets that a comment in the file names, else the configured ones.

    The list is empty where neither names a target.
    """
    source = readings.tree.source
    named = readings.directives.targets
    if named:
        return _unique(named, "as a comment in the file says")
    configured = settings.targets_of(source.path)
    if configured and settings.path is not None:
        return _unique(configured, f"as {os.path.basename(settings.path)} says")
    return []


def _unique(dialects: tuple[Dialect, ...], reason: str) -> list[Target]:
    named = {dialect.name: dialect for dialect in dialects}
    return [Target(dialect, reason) for dialect in named.values()]


def infer_target(readings: Readings, family: Evidence = _NOTHING) -> Target:
    """Return the Caffe that a file is written for, by what is in it.

    That is the one that refuses least of it, then the one whose users' habits it shows most,
    then the likeliest. `family` is the evidence in the other files of its model. With a
    user's own schema, that schema's BatchNormParameter decides.
    """
    if readings.build.schema is not None:
        return _from_schema(readings.build.schema)
    if readings.kind is FileKind.OTHER:
        return Target(DEFAULT, "by default", Basis.ASSUMED)
    return _weighed(readings, evidence_in(readings), family)


def _weighed(readings: Readings, own: Evidence, family: Evidence) -> Target:
    """Return the Caffe that the evidence of a file and its family speaks for."""
    every = own + family
    ranks = {
        name: (every.against(name), place)
        for place, name in enumerate(TARGETS)
        if not (marks := DIALECTS[name].marks) or marks & every.marks
    }
    dialect = DIALECTS[min(ranks, key=ranks.__getitem__)]
    unknown = strangers(readings, dialect)
    fork = fork_of(thing for thing, _ in unknown) if unknown else None
    if fork is not None:
        return _of_fork(readings, dialect, fork, unknown)
    is_misfit = any(dialect.name not in clue.fits for clue in every.clues if clue.decides)
    if dialect is not DEFAULT:
        return Target(dialect, _reason(readings, dialect, own), Basis.SHOWN, is_misfit)
    # What a BatchNorm is may still be open.
    plain = dialect.has_plain_batchnorm
    others = [name for name in ranks if DIALECTS[name].has_plain_batchnorm is not plain]
    is_open = any(ranks[name][0] <= ranks[dialect.name][0] for name in others)
    reason = "nothing in the file points to another"
    if readings.read(dialect).misfits:
        reason = "no other knows more of the file"
    return Target(dialect, reason, Basis.ASSUMED if is_open else Basis.SHOWN, is_misfit)


def _of_fork(
    readings: Readings, nearest: Dialect, fork: Fork, unknown: list[tuple[Unknown, Node]]
) -> Target:
    """Return the target nearest to a public fork: what that grew from, if it knows the file."""
    known = [(thing, node) for thing, node in unknown if fork in forks_that_know(thing)]
    dialect = DIALECTS[fork.base] if len(known) == len(unknown) else nearest
    thing, node = known[0]
    what = thing.name if thing.message not in ("", "V1") else f"type {thing.name}"
    line = readings.tree.source.line_number(node.start)
    reason = f"the nearest to the Caffe of {fork.name}, whose {what} is at line {line}"
    return Target(dialect, reason, Basis.SHOWN, is_misfit=True, fork=fork.name)


def _reason(readings: Readings, dialect: Dialect, own: Evidence) -> str:
    """Return what speaks for a Caffe and not for BVLC's, with its line."""
    fitting = [c for c in own.clues if dialect.name in c.fits and DEFAULT.name not in c.fits]
    if not fitting:
        return "as the files beside it show"
    fields = (clue for clue in fitting if clue.decides and clue.name == clue.node.name)
    clue = next(fields, fitting[0])
    return f"from {clue.name} at line {readings.tree.source.line_number(clue.node.start)}"


def _from_schema(schema: Schema) -> Target:
    fields = schema.messages["LayerParameter"].fields
    batchnorm = fields["batch_norm_param"].message.fields if "batch_norm_param" in fields else {}
    for dialect in map(DIALECTS.__getitem__, TARGETS):
        if dialect.affine_field and dialect.affine_field in batchnorm:
            return Target(dialect, f"from {dialect.affine_field} in {schema.name}", Basis.SHOWN)
    if "scale_filler" in batchnorm:
        always = next(d for d in DIALECTS.values() if not d.has_plain_batchnorm)
        return Target(always, f"from scale_filler in {schema.name}", Basis.SHOWN)
    return Target(DEFAULT, f"by {schema.name}", Basis.SHOWN)
