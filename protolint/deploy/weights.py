"""The weights of a deploy net: what the net no longer has goes, current layers, plain floats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from protolint.caffe.dialect import Dialect
from protolint.conversion.prove.weights import prove
from protolint.conversion.write import Job, ModelJob, Writing
from protolint.files import AtomicFile
from protolint.upgrade.model import upgrade_model
from protolint.weights.files import mapped
from protolint.weights.index import Generation, LayerEntry, ModelIndex, index_file
from protolint.weights.splice import Change, size_of, splice, whole_file

__all__ = ["PlainModelJob", "PrunedModelJob", "plain_job", "pruned", "pruned_job"]


class PrunedModelJob(ModelJob):
    """A converted model without the layers that the net no longer has."""

    def __init__(self, job: ModelJob, names: Collection[str]) -> None:
        plan, index = job.plan, job.plan.model.index
        self.gone = _gone(index, names)
        pieces = whole_file(index, pruned(plan.rewrite.changes, self.gone))
        fields = [entry.field for entry in self.gone]
        layers = [
            change
            for change in plan.rewrite.layers
            if index.layers[change.norm.position].field not in fields
        ]
        plan.rewrite.layers[:] = layers
        super().__init__(plan._replace(pieces=pieces), job.output, job.target, ())
        self.notes = job.notes

    def prove(self, path: str, how: Writing) -> None:
        """Read back, and measure every BatchNorm that stays."""
        plan = self.plan
        touched = plan.touched | {entry.name for entry in self.gone}
        index = plan.model.index
        layers = plan.rewrite.layers
        self.proofs = prove(path, layers, self.target, index, touched, how.tolerance)


class PlainModelJob(Job):
    """A model that needs no conversion: layers as they are, or upgraded."""

    kind = "caffemodel"

    def __init__(self, index: ModelIndex, output: str, source: str, changes: list[Change]) -> None:
        super().__init__(index.path, output, source)
        self.index = index
        self.pieces = whole_file(index, changes)

    def fill(self, output: AtomicFile, how: Writing) -> None:
        """Splice."""
        size = size_of(self.pieces)
        shown = how.shown(self.path, size)
        splice(self.path, output, self.pieces, state=self.index.state, progress=shown)

    def prove(self, path: str, how: Writing) -> None:
        """Read back; raises InputError for a file that is damaged."""
        index_file(path)


def plain_job(path: str, output: str, dialect: Dialect, names: Collection[str]) -> PlainModelJob:
    """Return the job of a model whose layers are kept by name, in current form."""
    index = index_file(path)
    gone = _gone(index, names)
    with mapped(path) as (data, _):
        changes = upgrade_model(data, index, dialect).changes
    return PlainModelJob(index, output, dialect.name, pruned(changes, gone))


def pruned_job(job: ModelJob, dialect: Dialect, names: Collection[str]) -> Job:
    """Return the job of a converted model without the layers that are not named."""
    index = job.plan.model.index
    if any(entry.generation is not Generation.CURRENT for entry in index.layers):
        # Layers of V1 have no BatchNorm that could be converted.
        return plain_job(job.path, job.output, dialect, names)
    return PrunedModelJob(job, names)


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
