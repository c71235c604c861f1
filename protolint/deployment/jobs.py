"""What a deployment writes: one job for each file, planned and not written yet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from protolint.batchnorm.fit import PairError, between, fit
from protolint.batchnorm.reading import WeightsFile, read_weights
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS
from protolint.conversion.bundle import Bundle
from protolint.conversion.fold import Folding, fold_net
from protolint.conversion.inputs import Input
from protolint.conversion.numbers.model import Model, read_model_file
from protolint.conversion.prove.ways import AUTO, TOLERANCE
from protolint.conversion.pruned import plain_job, pruned_job
from protolint.conversion.request import options_of
from protolint.conversion.write import Job, ModelJob, TextJob
from protolint.deployment.fork_norms import scale_changes
from protolint.deployment.importers import unread
from protolint.deployment.net import DeployNet, deploy_net
from protolint.edit import apply_edits
from protolint.errors import UsageError
from protolint.folding.turned import transposed_layers, turn_edits, turnable, with_turned
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.upgrading.text import upgrade_text
from protolint.weights.files import mapped
from protolint.weights.kinds import FileKind
from protolint.weights.splice import Change
from protolint.words import listed
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.workspace import Workspace

if TYPE_CHECKING:
    from protolint.execution.run import Data

__all__ = ["Plan", "Wishes", "model_of", "plan"]

_NO_SIZES: Mapping[str, Shape] = MappingProxyType({})


class Wishes(NamedTuple):
    """What a caller wants of a deployment.

    `to` is the Caffe whose form is written, `target` the one that the net is for; `sizes` are
    those of inputs. `drop_global_stats` lets stored statistics take the place of a batch's own,
    `fold` takes BatchNorm and Scale layers into the layers above them. `prove` says when both
    nets are run: AUTO, RUN or NEVER; `data` are the values of their inputs. `importer` is who is
    to read the result.
    """

    to: Dialect | None = None
    target: Dialect | None = None
    state: str | None = None
    sizes: Mapping[str, Shape] = _NO_SIZES
    drop_global_stats: bool = False
    drop_fields: tuple[str, ...] = ()
    fold: bool = False
    source: str | None = None
    bn_stat: str | None = None
    force: bool = False
    prove: str = AUTO
    data: Data = None
    importer: str | None = None
    tolerance: float = TOLERANCE


class Plan(NamedTuple):
    """The files of a deployment: the text first.

    `source` is the net that was given, `made` the deploy net before it was converted, `after` the
    one that is written. `runs` says whether both can be run.
    """

    source: Source
    jobs: tuple[Job, ...]
    made: DeployNet
    text: bytes
    after: Net
    target: Dialect
    remarks: tuple[str, ...]
    runs: bool


def plan(workspace: Workspace, source: Source, weights: str | None, wishes: Wishes) -> Plan:
    """Return what a net, and a binary caffemodel, become; nothing is written.

    Raises ProtolintError where something is not clear or cannot be represented.
    """
    stored = read_weights(weights) if weights is not None else None
    made = deploy_net(
        workspace,
        source,
        dialect=wishes.target,
        state=wishes.state,
        given=wishes.sizes,
        weights=_shapes(stored),
        drop_global_stats=wishes.drop_global_stats,
    )
    lacking = _require_fit(made, stored)
    folding = _folding(made, weights, wishes)
    fold_notes = folding.notes if wishes.fold else ()
    folding, turned = _turned(workspace, made, folding, stored)
    target = wishes.to or _usual(made.net)
    file = workspace.read(folding.source, made.file.dialect)
    converted = made.file.accepted and not made.fork_norms
    if converted:
        jobs = _jobs(workspace, file, folding, weights, target, wishes)
    else:
        jobs = _plain_jobs(file, folding, made, weights, wishes)
    jobs.sort(key=lambda job: not isinstance(job, TextJob))
    text = next(job.data for job in jobs if isinstance(job, TextJob))
    after = workspace.read(Source(source.path, text), target if made.file.accepted else None)
    notes = (note.message for note in (*fold_notes, *(n for job in jobs for n in job.notes)))
    remarks = (*made.remarks, *lacking, *notes, *turned, *unread(after.nets[0]))
    return Plan(source, tuple(jobs), made, text, after.nets[0], target, remarks, converted)


def _usual(net: Net) -> Dialect:
    """Return the Caffe whose form importers read, and that has all types of a net if one has."""
    read = [DEFAULT, *(d for d in DIALECTS.values() if d.keeps_sums and d.has_scale_layer)]
    types = {layer.type for layer in net.layers}
    writable = [dialect for dialect in read if dialect.can_be_written]
    return next((d for d in writable if types <= d.layer_types), DEFAULT)


def _shapes(weights: WeightsFile | None) -> dict[str, Sequence[tuple[int, ...]]]:
    """Return the shapes of the blobs of each layer in a binary model."""
    if weights is None or weights.index is None:
        return {}
    layers = weights.index.layers
    return {entry.name: [tuple(b.shape) for b in entry.blobs] for entry in layers if entry.blobs}


def _require_fit(made: DeployNet, weights: WeightsFile | None) -> list[str]:
    """Return what the weights lack; raises PairError for those that are not of the net's model."""
    if weights is None:
        return []
    found = fit(made.net, weights)
    gaps = [gap for gap in found if gap.layer not in made.fork_norms]
    reason = between(gaps, any_caffe=True)
    if reason is not None:
        raise PairError(weights.path, made.before.source.path, reason)
    return [gap.message for gap in gaps if gap.kind == "missing"]


def _folding(made: DeployNet, weights: str | None, wishes: Wishes) -> Folding:
    """Return the net, folded if that is wished; raises UsageError without weights."""
    if not wishes.fold:
        return Folding(made.file.source)
    if weights is None:
        raise UsageError("--fold works on the weights: give them, too")
    return fold_net(made.net, model_of(weights, wishes))


def _turned(
    workspace: Workspace, made: DeployNet, folding: Folding, weights: WeightsFile | None
) -> tuple[Folding, list[str]]:
    """Return the same with no transposed weights where they can be turned, and what that was."""
    net = workspace.read(folding.source, made.file.dialect).nets[0]
    if weights is None or weights.index is None:
        return folding, []
    layers = turnable(weights.index, transposed_layers(net))
    if not layers:
        return folding, []
    with mapped(weights.path) as (data, _):
        folds = with_turned(data, weights.index, layers, folding.folds)
    text = apply_edits(folding.source.data, turn_edits(folding.source, layers))
    names = listed([layer.name for layer in layers], 3)
    remark = f"weights that were transposed have the usual order ({names})"
    return folding._replace(source=Source(net.source.path, text), folds=tuple(folds)), [remark]


def _plain_jobs(
    file: LintFile,
    folding: Folding,
    made: DeployNet,
    weights: str | None,
    wishes: Wishes,
) -> list[Job]:
    """Return the jobs of a net of a fork: its BatchNorms are Scale layers, the rest stays.

    Raises InputError for weights whose BatchNorms are not certain.
    """
    source = file.source
    jobs: list[Job] = [TextJob(source.path, "", file.dialect.name, source.data)]
    if weights is not None:
        names = {layer.name for layer in file.nets[0].layers}
        changes: list[Change] = []
        if made.fork_norms:
            changes = scale_changes(model_of(weights, wishes), made.fork_norms - folding.taken)
        jobs.append(plain_job(weights, "", file.dialect, names, folding.folds, changes))
    return jobs


def model_of(weights: str, wishes: Wishes) -> Model:
    """Return a binary model as its writer means it."""
    statistic = Statistic(wishes.bn_stat) if wishes.bn_stat else None
    return read_model_file(weights, wishes.source, statistic)


def _jobs(
    workspace: Workspace,
    file: LintFile,
    folding: Folding,
    weights: str | None,
    target: Dialect,
    wishes: Wishes,
) -> list[Job]:
    """Return the jobs of both files, converted."""
    source = file.source
    options = options_of(
        to=target,
        source=wishes.source or (wishes.target.name if wishes.target is not None else None),
        bn_stat=wishes.bn_stat,
        drop_global_stats=wishes.drop_global_stats,
        drop_fields=wishes.drop_fields,
        # Some importers divide by the factor + 1e-5, which is nothing beside that of a long run.
        resume=True,
        output=os.curdir,
        force=wishes.force,
        tolerance=wishes.tolerance,
    )
    # OpenCV reads no doubles.
    options = options._replace(floats=True, asks_fit=False)
    readings = workspace.readings(source)
    inputs = [Input(source.path, FileKind.NET, readings)]
    if weights is not None:
        inputs.append(Input(weights, FileKind.MODEL))
    converted = list(Bundle(inputs, options, workspace).jobs())
    texts = [job for job in converted if isinstance(job, TextJob)]
    for job in texts:
        # A Caffe without Input layers has fields for its inputs.
        made = Readings.of(Source(source.path, job.data), readings.build).read(target)
        found = upgrade_text(made.tree, made.message, made.misfits, target, is_solver=False)
        job.data = apply_edits(job.data, found.edits)
    text = texts[0].data
    after = Readings.of(Source(source.path, text), readings.build).read(target)
    names = {layer.name for layer in after.nets[0].layers}
    return [
        pruned_job(job, target, names, folding.folds) if isinstance(job, ModelJob) else job
        for job in converted
    ]
