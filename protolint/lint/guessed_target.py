"""What a guessed target holds back: rules that are left out, and fixes that are unsafe."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.caffe.misfits import targets_taking
from protolint.caffe.registry import DEFAULT
from protolint.edit import Applicability, Edit, Fix, apply_edits
from protolint.lint.rule import Rule
from protolint.source import Source
from protolint.text import parse
from protolint.workspace.reading import LintFile
from protolint.workspace.target import Basis, Target

__all__ = ["careful", "holds_back"]


def holds_back(rule: Rule, target: Target) -> bool:
    """Return whether a rule is left out, as it is true for a Caffe only that refuses the file.

    It was chosen for want of a better one, so what it would compute concerns nobody.
    """
    return target.is_misfit and bool(rule.dialects) and DEFAULT.name not in rule.dialects


def careful(file: LintFile, target: Target, code: str, fix: Fix) -> Applicability:
    """Return how far the fix of a rule may be trusted: less where it rests on a guessed target.

    That is where nothing speaks for any Caffe, or the files of a model disagree, and the fix
    changes a BatchNorm; and where what it adds would be refused by a Caffe that takes the layer,
    or the solver, as it is.
    """
    if target.basis is Basis.GIVEN or fix.applicability is not Applicability.SAFE:
        return fix.applicability
    open_ = target.basis is Basis.ASSUMED or target.disagreement is not None
    assumed = open_ and code.startswith("BN")
    unsafe = assumed or _narrows(file, fix.edits)
    return Applicability.UNSAFE if unsafe else fix.applicability


def _narrows(file: LintFile, edits: Sequence[Edit]) -> bool:
    """Return whether some Caffe takes what is edited as it is, and refuses what it becomes."""
    if not any(edit.text.strip() for edit in edits):
        return False
    blocks = {id(b): b for e in edits if (b := file.layer_block_at(e.start)) is not None}
    parts = [(block.start, block.end) for block in blocks.values()]
    if not all(any(start <= e.start and e.end <= end for start, end in parts) for e in edits):
        parts = [(0, len(file.source.data))]
    return any(_narrows_part(file, edits, start, end) for start, end in parts)


def _narrows_part(file: LintFile, edits: Sequence[Edit], start: int, end: int) -> bool:
    """Return whether some Caffe takes a part of the file before the edits in it, and not after."""
    inside = [
        Edit(edit.start - start, edit.end - start, edit.text)
        for edit in edits
        if start <= edit.start and edit.end <= end
    ]
    before = file.source.data[start:end]
    return not _taking(file, before) <= _taking(file, apply_edits(before, inside))


def _taking(file: LintFile, data: bytes) -> frozenset[str]:
    """Return the Caffes whose text parser takes a part of a file."""
    return targets_taking(file.message.type.name, parse(Source(file.source.path, data)).children)
