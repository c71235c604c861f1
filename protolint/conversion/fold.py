"""Folding a net by the numbers of its weights, before both are converted."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.batchnorm.fit import require_fit
from protolint.batchnorm.reference import fold
from protolint.conversion import notes
from protolint.conversion.bundle import Bundle
from protolint.conversion.inputs import Input
from protolint.conversion.notes import Note
from protolint.conversion.numbers.model import Model, with_net
from protolint.conversion.pruned import pruned_job
from protolint.conversion.request import Options
from protolint.conversion.write import Job, ModelJob, TextJob
from protolint.edit import apply_edits
from protolint.errors import UsageError
from protolint.folding.decide import plan_folds
from protolint.folding.numbers import NumberedFold, measure_folds
from protolint.folding.text import fold_edits
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.files import mapped
from protolint.weights.index import index_file
from protolint.weights.kinds import FileKind
from protolint.workspace.workspace import Workspace

__all__ = ["Folding", "fold_net", "folded_jobs"]


class Folding(NamedTuple):
    """A net without the layers that its weights have taken in.

    `kept` says of each layer that stays why.
    """

    source: Source
    folds: tuple[NumberedFold, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def taken(self) -> frozenset[str]:
        """The names of the layers that are folded."""
        return frozenset(layer.name for found in self.folds for layer in found.fold.taken)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes on what was folded, and on what was not."""
        done = notes.folded(len(self.taken), len(self.folds))
        return (done, *(notes.not_folded(name, why) for name, why in self.kept))


def fold_net(net: Net, model: Model) -> Folding:
    """Return a deploy net folded by the numbers of its weights."""
    model, _ = with_net(model, net)
    numbers = {norm.name: fold(norm.state) for norm in model.norms.values()}
    plan = plan_folds(net, net.views[0])
    with mapped(model.path) as (data, _):
        folds, kept = measure_folds(data, model.index, plan, numbers)
    text = apply_edits(net.source.data, fold_edits(net.source, [f.fold for f in folds]))
    reasons = tuple((one.layer.name, one.reason) for one in kept)
    return Folding(Source(net.source.path, text), tuple(folds), reasons)


def folded_jobs(inputs: Sequence[Input], options: Options, workspace: Workspace) -> list[Job]:
    """Return the jobs of a deploy net and its weights, folded and then converted.

    Raises UsageError where that is not what is given.
    """
    kinds = sorted(entry.kind.name for entry in inputs)
    if kinds != [FileKind.MODEL.name, FileKind.NET.name] or options.like is not None:
        raise UsageError("--fold takes a deploy prototxt and its caffemodel, and no --like")
    before = Bundle(inputs, options, workspace)
    (net,), (model,) = before.nets, before.models.values()
    if [view.state.phase for view in net.views] != ["TEST"]:
        raise UsageError(
            f"{net.source.path}: is for training; --fold takes a deploy net, as `protolint deploy`"
            " makes one"
        )
    require_fit(net, model.path, any_caffe=True)
    folding = fold_net(net, model)
    readings = workspace.readings(folding.source)
    changed = [
        entry._replace(readings=readings) if entry.kind is FileKind.NET else entry
        for entry in inputs
    ]
    names = {entry.name for entry in index_file(model.path).layers} - folding.taken
    jobs = list(Bundle(changed, options._replace(asks_fit=False), workspace).jobs())
    for job in jobs:
        if isinstance(job, TextJob):
            job.notes = (*folding.notes, *job.notes)
    return [
        pruned_job(job, options.target, names, folding.folds) if isinstance(job, ModelJob) else job
        for job in jobs
    ]
