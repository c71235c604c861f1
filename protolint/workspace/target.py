"""Which Caffe a file is for: as asked, as the file says, or by what is in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from protolint.caffe.binder import BindProblem, ProblemKind
from protolint.caffe.descriptors import Schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS, FORKS, NEWEST, TARGETS
from protolint.text.tree import Block, Node, Tree, walk
from protolint.weights.kinds import FileKind
from protolint.workspace.config import Settings
from protolint.workspace.reading import Readings

__all__ = ["Target", "infer_target", "stated_targets", "targets_of"]


class Target(NamedTuple):
    """A dialect to check for, and why: shown to the user as "`name`, `reason`"."""

    dialect: Dialect
    reason: str


def targets_of(readings: Readings, asked: tuple[Dialect, ...], settings: Settings) -> list[Target]:
    """Return what a file is checked for: as asked, as it says, or as its fields show."""
    if asked:
        return _unique(asked, "as asked")
    return stated_targets(readings, settings) or [infer_target(readings)]


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


def infer_target(readings: Readings) -> Target:
    """Return the dialect that knows most of the file's fields, BVLC's where several know as many.

    Other forks count only where they alone know everything in the file.
    Between NVIDIA releases that know as many the newest wins, except that fillers without
    `scale_bias` are how 0.15 wrote gamma and beta. With a user's own schema, that schema's
    BatchNormParameter decides.
    """
    if readings.build.schema is not None:
        return _from_schema(readings.build.schema)
    if readings.kind is FileKind.OTHER:
        return Target(DEFAULT, "by default")
    found = _likeliest(readings)
    misfits = readings.read(found.dialect).misfits
    fork = next((fork for fork in FORKS if misfits and _fits(readings, misfits, fork)), None)
    if fork is None:
        return found
    node = misfits[0].node
    line = readings.tree.source.line_number(node.start)
    return Target(fork, f"from {node.name} at line {line}")


def _fits(readings: Readings, misfits: Sequence[BindProblem], fork: Dialect) -> bool:
    """Return whether a fork knows everything in a file, given what another Caffe does not."""
    first = misfits[0]
    if not fork.knows_field(first.message.name, first.node.name):
        return False
    marks = fork.marks
    if marks and not any(misfit.node.name in marks for misfit in misfits):
        return False
    return not readings.read(fork).misfits


def _likeliest(readings: Readings) -> Target:
    """Return the one of TARGETS that knows most of the file."""

    def unknown(dialect: Dialect) -> list[Node]:
        misfits = readings.read(dialect).misfits
        return [p.node for p in misfits if p.kind is ProblemKind.UNKNOWN_FIELD]

    at_bvlc = unknown(DEFAULT)
    if not at_bvlc:
        return Target(DEFAULT, "nothing in the file points to another")
    counts = {name: _size(unknown(DIALECTS[name])) for name in TARGETS[1:]}
    least = min(counts.values())
    if least >= _size(at_bvlc):
        return Target(DEFAULT, "no other knows more of the file")
    names = [name for name, count in counts.items() if count == least]
    chosen = DIALECTS[names[0]]
    if _has_filler(readings.tree):
        always = (DIALECTS[name] for name in names if not DIALECTS[name].has_plain_batchnorm)
        chosen = next(always, chosen)
    missing = {node.start for node in unknown(chosen)}
    evidence = next((node for node in at_bvlc if node.start not in missing), at_bvlc[0])
    line = readings.tree.source.line_number(evidence.start)
    return Target(chosen, f"from {evidence.name} at line {line}")


def _size(unknown: list[Node]) -> int:
    """How much of the file is not known: the unknown fields and what is in them."""
    return sum(1 for _ in walk(unknown))


def _has_filler(tree: Tree) -> bool:
    """Whether some batch_norm_param has a filler for gamma and none says scale_bias."""
    inside = [
        {child.name for child in node.children}
        for node in walk(tree.children)
        if isinstance(node, Block) and node.name == "batch_norm_param"
    ]
    return any("scale_filler" in names for names in inside) and not any(
        "scale_bias" in names for names in inside
    )


def _from_schema(schema: Schema) -> Target:
    fields = schema.messages["LayerParameter"].fields
    batchnorm = fields["batch_norm_param"].message.fields if "batch_norm_param" in fields else {}
    for dialect in (NEWEST, *FORKS):
        if dialect.affine_field in batchnorm:
            return Target(dialect, f"from {dialect.affine_field} in {schema.name}")
    if "scale_filler" in batchnorm:
        always = next(d for d in DIALECTS.values() if not d.has_plain_batchnorm)
        return Target(always, f"from scale_filler in {schema.name}")
    return Target(DEFAULT, f"by {schema.name}")
