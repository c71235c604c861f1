"""Which Caffe a file is for: as asked, as the file says, or by what is in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence, Set
from enum import Enum
from typing import TYPE_CHECKING

from protolint.caffe.descriptors import Schema, load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, fork_of, forks_that_know
from protolint.caffe.registry import DEFAULT, DIALECTS, DIGITS_CAFFE, TARGETS, reader_of_label_maps
from protolint.record import NamedTuple
from protolint.text.tree import Node
from protolint.weights.kinds import FileKind
from protolint.workspace.evidence import Clue, Member, evidence_in, strangers
from protolint.workspace.reading import Readings
from protolint.workspace.settings import Settings

if TYPE_CHECKING:
    from protolint.caffe.fork_table import Fork

__all__ = ["Basis", "Disagreement", "Target", "infer_target", "stated_targets", "targets_of"]


class Basis(Enum):
    """What a target rests on."""

    #: An option, a comment in the file or the configuration names it.
    GIVEN = "given"
    #: Something in the file or in its model's other files speaks for it.
    SHOWN = "shown"
    #: Nothing speaks for any.
    ASSUMED = "assumed"


class Disagreement(NamedTuple):
    """What in a file is for another Caffe than the files of its model: clues of both."""

    own: Clue
    other: Clue
    beside: Member


class Target(NamedTuple):
    """A dialect to check for, and why: shown to the user as "`name`, `reason`".

    `is_misfit` says that it is the nearest one to a file that it does not take, of the public
    fork named, if one knows it. `disagreement` says what in the file no Caffe takes that takes
    the other files of its model.
    """

    dialect: Dialect
    reason: str
    basis: Basis = Basis.GIVEN
    is_misfit: bool = False
    fork: str = ""
    disagreement: Disagreement | None = None


def targets_of(
    readings: Readings,
    asked: tuple[Dialect, ...],
    settings: Settings,
    family: Callable[[], list[Readings]] = list,
) -> list[Target]:
    """Return what a file is checked for: as asked, as it says, or as its content shows.

    `family` gives the other files of its model, which have one Caffe with it. A net that DIGITS
    made, with BatchNorms that may be of its Caffe or of BVLC's, is checked for both.
    """
    if asked:
        return _unique(asked, "as asked")
    stated = stated_targets(readings, settings)
    if stated:
        return stated
    others = family()
    for other in others:
        if other.directives.targets:
            name = os.path.basename(other.tree.source.path)
            return _unique(other.directives.targets, f"as a comment in {name} says")
    found = infer_target(readings, others)
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


def infer_target(readings: Readings, family: Sequence[Readings] = ()) -> Target:
    """Return the Caffe that a file is written for, by what is in it.

    That is the one that refuses least of it, then the one whose users' habits it shows most,
    then the likeliest. `family` are the other files of its model. With a user's
    own schema, that schema's BatchNormParameter decides.
    """
    if readings.build.schema is not None:
        return _from_schema(readings.build.schema)
    if readings.kind is FileKind.LABELS:
        return Target(reader_of_label_maps(), "which reads label maps", Basis.SHOWN)
    if readings.kind is FileKind.OTHER:
        return Target(DEFAULT, "by default", Basis.ASSUMED)
    own, others = Member.of(readings), [Member.of(other) for other in family]
    found = _weighed(own, others)
    return found._replace(disagreement=_disagreement(found.dialect, own, others))


def _disagreement(dialect: Dialect, own: Member, family: list[Member]) -> Disagreement | None:
    """Return what in a file the Caffe of its model refuses, where another file asks for that."""
    allowed = own.evidence.allowed()
    if dialect.name in allowed or not allowed:
        return None
    mine = [clue for clue in own.evidence.clues if clue.decides and dialect.name not in clue.fits]
    for other in family:
        theirs = other.evidence.allowed()
        if dialect.name in theirs and not theirs & allowed:
            asking = next(
                clue for clue in other.evidence.clues if clue.decides and not clue.fits & allowed
            )
            return Disagreement(mine[0], asking, other)
    return None


def _weighed(member: Member, family: list[Member]) -> Target:
    """Return the Caffe that the evidence of a file and its family speaks for."""
    readings, own = member
    every = own
    for other in family:
        every += other.evidence
    ranks = {name: (every.against(name), place) for place, name in enumerate(TARGETS)}
    dialect = DIALECTS[min(ranks, key=ranks.__getitem__)]
    if dialect.merges_forks and all(_is_of_others(one, dialect) for one in [member, *family]):
        del ranks[dialect.name]
        dialect = DIALECTS[min(ranks, key=ranks.__getitem__)]
    unknown = strangers(readings, dialect)
    fork = fork_of(thing for thing, _ in unknown) if unknown else None
    if fork is not None:
        return _of_fork(readings, dialect, fork, unknown)
    is_misfit = any(dialect.name not in clue.fits for clue in every.clues if clue.decides)
    if dialect is not DEFAULT:
        return Target(dialect, _reason(dialect, [member, *family]), Basis.SHOWN, is_misfit)
    # What a BatchNorm is may still be open.
    plain = dialect.has_plain_batchnorm
    others = [name for name in ranks if DIALECTS[name].has_plain_batchnorm is not plain]
    is_open = any(ranks[name][0] <= ranks[dialect.name][0] for name in others)
    reason = "nothing in the file points to another"
    if readings.read(dialect).misfits:
        reason = "no other Caffe knows more of its fields"
    return Target(dialect, reason, Basis.ASSUMED if is_open else Basis.SHOWN, is_misfit)


def _knows_all(fork: Fork, readings: Readings) -> bool:
    """Whether a fork knows the fields that the Caffe that it grew from does not know in a file.

    Types that some target has are not in the table of forks.
    """
    things = (thing for thing, _ in strangers(readings, DIALECTS[fork.base]))
    return all(fork in forks_that_know(t) for t in things if t.message or forks_that_know(t))


def _is_of_others(member: Member, merger: Dialect) -> bool:
    """Whether a Caffe that has merged no forks, or a fork, takes a file that a merger may take."""
    own, readings = member.evidence, member.readings
    if any(own.against(name) < (1, 0) for name in TARGETS if not DIALECTS[name].merges_forks):
        return True
    if any(forks_that_know(thing) for thing, _ in strangers(readings, merger)):
        return True
    unknown = strangers(readings, DEFAULT)
    forks = {fork.name: fork for thing, _ in unknown for fork in forks_that_know(thing)}
    return any(_knows_all(fork, readings) for fork in forks.values())


def _of_fork(
    readings: Readings, nearest: Dialect, fork: Fork, unknown: list[tuple[Unknown, Node]]
) -> Target:
    """Return the target nearest to a public fork: what that grew from, if it knows the file."""
    dialect = DIALECTS[fork.base] if _knows_all(fork, readings) else nearest
    thing, node = next((one, at) for one, at in unknown if fork in forks_that_know(one))
    what = node.name if thing.message not in ("", "V1") else f"type {thing.name}"
    line = readings.tree.source.line_number(node.start)
    reason = f"the nearest to the Caffe of {fork.name}, whose {what} is at line {line}"
    return Target(dialect, reason, Basis.SHOWN, is_misfit=True, fork=fork.name)


def _reason(dialect: Dialect, members: list[Member]) -> str:
    """Return what speaks for a Caffe and not for BVLC's, with its line; fields come first."""
    for place, member in enumerate(members):
        fitting = [
            clue
            for clue in member.evidence.clues
            if dialect.name in clue.fits and DEFAULT.name not in clue.fits
        ]
        if fitting:
            fields = (clue for clue in fitting if clue.decides and clue.name == clue.node.name)
            clue = next(fields, fitting[0])
            beside = f" of {member.name}" if place else ""
            line = member.line(clue)
            at = f" at line {line}" if line else ""
            return f"from {clue.name}{at}{beside}"
    return "no other Caffe knows more of its fields"


def _fields_of(dialect: Dialect) -> Set[str]:
    return load_schema(dialect.schema).messages["LayerParameter"].fields.keys()


def _has_all_of(schema: Schema, dialect: Dialect) -> bool:
    """Whether a schema has a Caffe's fields of a layer, and its very BatchNorm."""
    norms = [
        known.messages[name].fields.keys()
        for known in (schema, load_schema(dialect.schema))
        for name in ("BatchNormParameter",)
        if name in known.messages
    ]
    if len(norms) < 2 or norms[0] != norms[1]:
        return False
    return _fields_of(dialect) <= schema.messages["LayerParameter"].fields.keys()


def _from_schema(schema: Schema) -> Target:
    alike = [name for name in TARGETS if _has_all_of(schema, DIALECTS[name])]
    if alike:
        nearest = DIALECTS[max(alike, key=lambda name: len(_fields_of(DIALECTS[name])))]
        return Target(nearest, f"all of which is in {schema.name}", Basis.SHOWN)
    fields = schema.messages["LayerParameter"].fields
    batchnorm = fields["batch_norm_param"].message.fields if "batch_norm_param" in fields else {}
    for dialect in map(DIALECTS.__getitem__, TARGETS):
        if dialect.affine_field and dialect.affine_field in batchnorm:
            return Target(dialect, f"from {dialect.affine_field} in {schema.name}", Basis.SHOWN)
    if "scale_filler" in batchnorm:
        always = next(d for d in DIALECTS.values() if not d.has_plain_batchnorm)
        return Target(always, f"from scale_filler in {schema.name}", Basis.SHOWN)
    return Target(DEFAULT, f"by {schema.name}", Basis.SHOWN)
