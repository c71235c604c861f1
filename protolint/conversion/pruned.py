"""Models without layers that their net no longer has, or that were folded, in current form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import LayerField
from protolint.conversion.prove.weights import prove
from protolint.conversion.write import Job, ModelJob, Writing
from protolint.files import AtomicFile
from protolint.folding.numbers import NumberedFold, check_folds, fold_changes
from protolint.upgrading.model import upgrade_model
from protolint.weights.blobs import Form, form_of, recoded_blob
from protolint.weights.files import mapped
from protolint.weights.index import Generation, LayerEntry, ModelIndex, index_file, index_model
from protolint.weights.splice import Change, Splicing, changed_layer, message, whole_file
from protolint.wire import Buffer

__all__ = ["PlainModelJob", "PrunedModelJob", "plain_job", "pruned", "pruned_job"]


class PrunedModelJob(ModelJob):
    """A converted model without the layers that the net no longer has, perhaps folded."""

    def __init__(
        self, job: ModelJob, names: Collection[str], folds: Sequence[NumberedFold]
    ) -> None:
        plan, index = job.plan, job.plan.model.index
        self.gone = _gone(index, names)
        self.folds = folds
        pieces = whole_file(index, _with_folds(plan.rewrite.changes, index, self.gone, folds))
        fields = {entry.field for entry in self.gone}
        layers = [
            change
            for change in plan.rewrite.layers
            if index.layers[change.norm.position].field not in fields
        ]
        plan.rewrite.layers[:] = layers
        super().__init__(plan._replace(pieces=pieces), job.output, job.target, ())
        gone = {entry.name for entry in self.gone}
        self.notes = tuple(note for note in job.notes if note.layer not in gone)

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and measure every BatchNorm that stays."""
        plan = self.plan
        touched = plan.touched | {entry.name for entry in self.gone}
        touched |= {fold.entry.name for fold in self.folds}
        before, layers = plan.model.index, plan.rewrite.layers
        with mapped(path) as (data, state):
            made = index_model(path, data, state)
            self.proofs = prove(data, made, layers, self.target, before, touched, how.tolerance)
            _check(self.path, data, made, self.folds, how.tolerance)


class PlainModelJob(Job):
    """A model that needs no conversion: layers as they are, or upgraded."""

    kind = "caffemodel"

    def __init__(
        self,
        index: ModelIndex,
        output: str,
        source: str,
        changes: list[Change],
        folds: Sequence[NumberedFold],
    ) -> None:
        super().__init__(index.path, output, source)
        self.index, self.folds = index, folds
        self.pieces = whole_file(index, changes)

    def fill(self, output: AtomicFile) -> Splicing:
        """Splice."""
        return Splicing(self.path, output, self.pieces, self.index.state)

    def prove(self, path: str, how: Writing) -> None:
        """Read back; raises InputError for a file that is damaged."""
        with mapped(path) as (data, state):
            _check(self.path, data, index_model(path, data, state), self.folds, how.tolerance)


def plain_job(
    path: str,
    output: str,
    dialect: Dialect,
    names: Collection[str],
    folds: Sequence[NumberedFold] = (),
    others: Sequence[Change] = (),
) -> PlainModelJob:
    """Return the job of a model whose layers are kept by name, in current form.

    `others` are changes of whole layers, made in place of all else that would be.
    """
    index = index_file(path)
    gone = _gone(index, names)
    with mapped(path) as (data, _):
        changes = [*upgrade_model(data, index, dialect).changes, *_floats(index)]
    starts = {change.start for change in others}
    changes = [*(change for change in changes if change.start not in starts), *others]
    made = _with_folds(changes, index, gone, folds)
    return PlainModelJob(index, output, dialect.name, made, folds)


def _floats(index: ModelIndex) -> Iterator[Change]:
    """Yield the changes that store the blobs of current layers as plain floats."""
    for entry in index.layers:
        blobs = [blob for blob in entry.blobs if form_of(blob) not in (None, Form.DATA)]
        if entry.generation is Generation.CURRENT and blobs:
            inside = [
                Change(*blob.field, message(LayerField.BLOBS, recoded_blob(blob, Form.DATA)))
                for blob in blobs
                if blob.problem() is None
            ]
            yield changed_layer(entry, inside)


def pruned_job(
    job: ModelJob, dialect: Dialect, names: Collection[str], folds: Sequence[NumberedFold] = ()
) -> Job:
    """Return the job of a converted model without the layers that are not named, and folded."""
    index = job.plan.model.index
    if any(entry.generation is not Generation.CURRENT for entry in index.layers):
        # Layers of V1 have no BatchNorm that could be converted.
        return plain_job(job.path, job.output, dialect, names, folds)
    return PrunedModelJob(job, names, folds)


def _with_folds(
    changes: Iterable[Change],
    index: ModelIndex,
    gone: Sequence[LayerEntry],
    folds: Sequence[NumberedFold],
) -> list[Change]:
    """Return the changes with layers taken out, and others folded in place of what was planned."""
    kept = pruned(changes, gone)
    fields = {fold.entry.field.start: fold.entry.field for fold in folds}
    kept = [change for change in kept if change.start not in fields]
    with mapped(index.path) as (data, _):
        return [*kept, *fold_changes(data, folds)]


def _check(
    before: str,
    data: Buffer,
    index: ModelIndex,
    folds: Sequence[NumberedFold],
    tolerance: float,
) -> None:
    """Compare every folded value with the source; raises FoldError."""
    if folds:
        with mapped(before) as (old, _):
            check_folds(old, data, index, folds, tolerance)


def _gone(index: ModelIndex, names: Collection[str]) -> list[LayerEntry]:
    return [entry for entry in index.layers if entry.name not in names]


def pruned(changes: Iterable[Change], gone: Sequence[LayerEntry]) -> list[Change]:
    """Return the changes with those layers taken out; what would happen inside them does not."""
    kept = []
    starts = sorted((entry.field.start, entry.field.end) for entry in gone)
    at = 0
    for change in sorted(changes, key=lambda change: change[:2]):
        while at < len(starts) and starts[at][1] <= change.start:
            at += 1
        inside = at < len(starts) and starts[at][0] <= change.start < starts[at][1]
        if not inside or change.end == change.start == starts[at][0]:
            kept.append(change)
    return [*kept, *(Change(*entry.field, ()) for entry in gone)]
