"""A whole deployment: a net, and perhaps its weights, in a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from protolint.batchnorm.fit import PairError, between, fit
from protolint.batchnorm.reading import read_weights
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, DIALECTS
from protolint.conversion.bundle import Bundle
from protolint.conversion.fold import Folding, fold_net
from protolint.conversion.inputs import Input
from protolint.conversion.numbers.model import Model, read_model_file
from protolint.conversion.prove.ways import AUTO, NEVER, too_large
from protolint.conversion.pruned import plain_job, pruned_job
from protolint.conversion.request import options_of
from protolint.conversion.write import Job, ModelJob, Progress, TextJob, Writing, write_jobs
from protolint.deployment.fork_norms import scale_changes
from protolint.deployment.net import DeployNet, deploy_net
from protolint.edit import apply_edits
from protolint.errors import InputError, UsageError
from protolint.files import check_target
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.source import Source
from protolint.upgrading.text import upgrade_text
from protolint.weights.index import index_file
from protolint.weights.kinds import FileKind, recognise
from protolint.weights.splice import Change
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.workspace import Workspace

__all__ = ["Deployment", "Wishes", "deploy"]


@dataclass(frozen=True)
class Wishes:
    """What a caller wants of a deployment.

    `to` is the Caffe whose form is written, `target` the one that the net is for; `sizes` are
    those of inputs. `drop_global_stats` lets stored statistics take the place of a batch's own,
    `fold` takes BatchNorm and Scale layers into the layers above them. `prove` says when both
    nets are run: AUTO, RUN or NEVER.
    """

    to: Dialect | None = None
    target: Dialect | None = None
    state: str | None = None
    sizes: Mapping[str, Shape] = field(default_factory=dict)
    drop_global_stats: bool = False
    fold: bool = False
    source: str | None = None
    bn_stat: str | None = None
    force: bool = False
    prove: str = AUTO
    tolerance: float = 1e-6


class Deployment(NamedTuple):
    """What was written, the state that was chosen, and what is worth saying, in words."""

    written: tuple[str, ...]
    state: str
    to: str
    remarks: tuple[str, ...]
    net: Net


def deploy(
    workspace: Workspace,
    net: str,
    weights: str | None,
    folder: str,
    wishes: Wishes,
    progress: Progress | None = None,
) -> Deployment:
    """Write a net, and its weights, as importers read them; the results keep their names.

    Raises ProtolintError where something is not clear, cannot be represented or would not
    compute what its source does. Nothing is written then.
    """
    source = workspace.source(net)
    if weights is not None and recognise(weights).kind is not FileKind.MODEL:
        raise InputError(weights, "is no binary caffemodel; deploy takes no other weights")
    made = deploy_net(
        workspace,
        source,
        dialect=wishes.target,
        state=wishes.state,
        given=wishes.sizes,
        weights=_shapes(weights),
        drop_global_stats=wishes.drop_global_stats,
    )
    lacking = _require_fit(made, weights)
    folding = _folding(made, weights, wishes)
    target = wishes.to or _usual(made.net)
    outputs = [os.path.join(folder, os.path.basename(path)) for path in (net, weights) if path]
    if len(set(outputs)) < len(outputs):
        raise UsageError(f"{folder}: the net and its weights have the same name")
    for path, output in zip((net, weights), outputs, strict=False):
        check_target(path, output, overwrite=wishes.force)
    file = workspace.read(folding.source, made.file.dialect)
    if made.file.accepted and not made.fork_norms:
        jobs = _jobs(workspace, file, folding, weights, target, folder, wishes)
    else:
        jobs = _plain_jobs(file, folding, made, weights, folder, wishes)
    text = next(job.data for job in jobs if isinstance(job, TextJob))
    after = workspace.read(Source(outputs[0], text), target if made.file.accepted else None)
    proofs: list[str] = []

    def last() -> None:
        if weights is not None and made.file.accepted and not made.fork_norms:
            temporary = next(job.temporary for job in jobs if job.path == weights)
            proofs.append(_run(made.net, text, weights, temporary, target, wishes.prove))

    with _made(folder):
        write_jobs(jobs, Writing(False, wishes.force, progress, wishes.tolerance), last)
    said = folding.notes if wishes.fold else ()
    notes = tuple(note.message for note in (*said, *(n for job in jobs for n in job.notes)))
    remarks = (*made.remarks, *lacking, *notes, *filter(None, proofs))
    state = str(made.view.state)
    return Deployment(tuple(outputs), state, target.name, remarks, after.nets[0])


def _run(net: Net, text: bytes, weights: str, made: str, target: Dialect, way: str) -> str:
    """Return what running the net before and after shows, "" for nothing; raises ProofError."""
    if way == NEVER:
        return ""
    large = too_large(weights) if way == AUTO else ""
    if large:
        return large
    from protolint.conversion.prove.run import Side, prove_by_running

    return prove_by_running(Side(net, text, weights, made), target, way)


@contextmanager
def _made(folder: str) -> Iterator[None]:
    """Make the folder, and take it away again if nothing came of it."""
    new = not os.path.isdir(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror or error}") from None
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def _usual(net: Net) -> Dialect:
    """Return the Caffe whose form importers read, and that has all types of a net if one has."""
    read = [DEFAULT, *(d for d in DIALECTS.values() if d.keeps_sums and d.has_scale_layer)]
    types = {layer.type for layer in net.layers}
    writable = [dialect for dialect in read if dialect.can_be_written]
    return next((d for d in writable if types <= d.layer_types), DEFAULT)


def _shapes(weights: str | None) -> dict[str, Sequence[tuple[int, ...]]]:
    if weights is None:
        return {}
    layers = index_file(weights).layers
    return {entry.name: [tuple(b.shape) for b in entry.blobs] for entry in layers if entry.blobs}


def _require_fit(made: DeployNet, weights: str | None) -> list[str]:
    """Return what the weights lack; raises PairError for those that are not of the net's model."""
    if weights is None:
        return []
    gaps = [
        gap
        for gap in fit(made.net, read_weights(weights))
        if not gap.layout and gap.kind != "eps" and gap.layer not in made.fork_norms
    ]
    reason = between(gap for gap in gaps if gap.kind != "missing")
    if reason is not None:
        path = made.before.source.path
        raise PairError(f"{weights}: does not fit {path}: {reason}")
    return [gap.message for gap in gaps]


def _folding(made: DeployNet, weights: str | None, wishes: Wishes) -> Folding:
    """Return the net, folded if that is wished; raises UsageError without weights."""
    if not wishes.fold:
        return Folding(made.file.source)
    if weights is None:
        raise UsageError("--fold works on the weights: give them, too")
    if made.fork_norms:
        raise UsageError("--fold does not know the BatchNorms of forks; deploy them first")
    return fold_net(made.net, _model(weights, wishes))


def _plain_jobs(
    file: LintFile,
    folding: Folding,
    made: DeployNet,
    weights: str | None,
    folder: str,
    wishes: Wishes,
) -> list[Job]:
    """Return the jobs of a net of a fork: its BatchNorms are Scale layers, the rest stays.

    Raises InputError for weights whose BatchNorms are not certain.
    """
    source = file.source
    output = os.path.join(folder, os.path.basename(source.path))
    jobs: list[Job] = [TextJob(source.path, output, file.dialect.name, source.data)]
    if weights is not None:
        output = os.path.join(folder, os.path.basename(weights))
        names = {layer.name for layer in file.nets[0].layers}
        changes: list[Change] = []
        if made.fork_norms:
            changes = scale_changes(_model(weights, wishes), made.fork_norms)
        jobs.append(plain_job(weights, output, file.dialect, names, folding.folds, changes))
    return jobs


def _model(weights: str, wishes: Wishes) -> Model:
    statistic = Statistic(wishes.bn_stat) if wishes.bn_stat else None
    return read_model_file(weights, wishes.source, statistic)


def _jobs(
    workspace: Workspace,
    file: LintFile,
    folding: Folding,
    weights: str | None,
    target: Dialect,
    folder: str,
    wishes: Wishes,
) -> list[Job]:
    """Return the jobs of both files, converted."""
    source = file.source
    options = options_of(
        to=target,
        source=wishes.source or (wishes.target.name if wishes.target is not None else None),
        bn_stat=wishes.bn_stat,
        drop_global_stats=wishes.drop_global_stats,
        # Some importers divide by the factor + 1e-5, which is nothing beside that of a long run.
        resume=True,
        output=os.path.join(folder, ""),
        force=wishes.force,
        tolerance=wishes.tolerance,
    )
    # OpenCV reads no doubles.
    options = replace(options, floats=True, asks_fit=False)
    readings = workspace.readings(source)
    inputs = [Input(source.path, FileKind.NET, readings)]
    if weights is not None:
        inputs.append(Input(weights, FileKind.MODEL))
    converted = Bundle(inputs, options, workspace).jobs()
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
