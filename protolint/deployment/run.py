"""A whole deployment: a net, and perhaps its weights, as importers read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeAlias, Union

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import dialects_of
from protolint.conversion import notes
from protolint.conversion.prove.ways import (
    AUTO,
    NEVER,
    RUN,
    TOLERANCE,
    WAYS,
    require_runnable,
    too_large,
)
from protolint.conversion.write import Progress, TextJob, Writing, write_jobs
from protolint.deployment.importers import IMPORTERS, limits
from protolint.deployment.jobs import Plan, Wishes, model_of, plan
from protolint.deployment.net import current_form
from protolint.deployment.sources import as_binary, carried_net
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.files import check_target, made_folder
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.publish import put_back
from protolint.record import NamedTuple
from protolint.weights.kinds import FileKind, named_as_weights, recognise
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.execution.run import Data

__all__ = ["Deployment", "Wishes", "deploy", "deploy_files", "planned", "sorted_files"]

#: Weights, and what may be weights: messages say what is wrong with those.
_MODELS = (FileKind.MODEL, FileKind.MODEL_HDF5, None)
Path: TypeAlias = Union[str, "os.PathLike[str]"]


class Deployment(NamedTuple):
    """What was written, the state that was chosen, and remarks in words.

    `to` is the Caffe whose form it is, `net` the net that was written, `limits` what the importer
    that was named cannot read of it.
    """

    written: tuple[str, ...]
    state: str
    to: str
    remarks: tuple[str, ...]
    net: Net
    limits: tuple[str, ...] = ()


def deploy(
    *paths: Path,
    output: Path,
    to: str | Dialect | None = None,
    target: str | Dialect | None = None,
    state: str | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    drop_global_stats: bool = False,
    drop_fields: str | Iterable[str] = (),
    fold: bool = False,
    importer: str | None = None,
    source: str | None = None,
    bn_stat: str | None = None,
    prove: str = AUTO,
    data: Data = None,
    force: bool = False,
    tolerance: float = TOLERANCE,
    proto: Path | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> Deployment:
    """Write a net and its weights as every importer reads them; what the command `deploy` does.

    Args:
        paths: A prototxt, its caffemodel (binary or HDF5), or both; a binary caffemodel alone
            gives the net that it carries. What a file is, its content shows.
        output: The folder to write to; it is made if it is not there.
        to: The Caffe whose form is written; if not given, BVLC's where it has all layer types.
        target: The Caffe that the net is for; if not given, found as in `check`.
        state: A phase or a stage; if not given, the stage "deploy", else TEST.
        input_shapes: The sizes of inputs that the files do not say, as {"data": (1, 3, 224, 224)}.
        drop_global_stats: Use stored statistics where the net says to use the batch's.
        drop_fields: As in `convert`.
        fold: Fold BatchNorm and Scale layers into the layers above.
        importer: Who is to read the result: "opencv", "mnn", "ncnn", "openvino",
            "caffe2onnx", "tensorrt".
        source: Who wrote the weights, where that is not certain; as `--from`.
        bn_stat: As in `convert`.
        prove: As in `convert`.
        data: As in `convert`, by the names of the deploy net's inputs.
        force: Replace files that are there already.
        tolerance: The largest relative difference from the source that counts as rounding.
        proto: Your own fork's caffe.proto, to be used as the schema of the prototxt.
        cudnn: Whether the Caffe was built with cuDNN.
        isolated: Read no configuration file.

    Returns:
        What was written, remarks on it (`remarks`), and what the importer cannot read
        (`limits`).

    Raises:
        ProtolintError: An argument is wrong (UsageError), something cannot be read or not be
            represented (InputError), the weights are not those of the net (PairError), or a
            result would not compute what its source does (ProofError). In every case nothing
            has been written.
    """
    if importer is not None and importer not in IMPORTERS:
        raise UsageError(f"no importer '{importer}' is known; known: {', '.join(IMPORTERS)}")
    if prove not in WAYS:
        raise UsageError(f"prove is one of {', '.join(WAYS)}, not '{prove}'")
    require_runnable(data, prove)
    targets = dialects_of(target)
    wishes = Wishes(
        to=next(iter(dialects_of(to)), None),
        target=next(iter(targets), None),
        state=state,
        sizes={name: Shape.of(dims) for name, dims in (input_shapes or {}).items()},
        drop_global_stats=drop_global_stats,
        drop_fields=(drop_fields,) if isinstance(drop_fields, str) else tuple(drop_fields),
        fold=fold,
        source=source,
        bn_stat=bn_stat,
        force=force,
        prove=RUN if data is not None else prove,
        data=data,
        importer=importer,
        tolerance=tolerance,
    )
    choices = Choices(
        targets=targets,
        proto=None if proto is None else os.fspath(proto),
        without_cudnn=not cudnn,
        isolated=isolated,
    )
    nets, models = sorted_files([os.fspath(path) for path in paths])
    if len(nets) > 1 or len(models) > 1 or not paths:
        raise UsageError("deploy takes a net, its weights, or both")
    net, weights = (next(iter(found), None) for found in (nets, models))
    return deploy_files(Workspace(choices), net, weights, os.fspath(output), wishes)


def sorted_files(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the nets and the weights among files; one that cannot be read counts by its name."""
    models = [path for path in paths if path != "-" and _is_model(path)]
    return [path for path in paths if path not in models], models


def _is_model(path: str) -> bool:
    try:
        return recognise(path).kind in _MODELS
    except ProtolintError:
        return named_as_weights(path)


@contextmanager
def planned(
    workspace: Workspace, net: str | None, weights: str | None, wishes: Wishes
) -> Iterator[Plan]:
    """Return the plan of a deployment; what it reads lasts as long as the `with` block.

    Without a net the one that the weights carry counts. Raises ProtolintError where something is
    not clear or cannot be represented.
    """
    if wishes.prove == RUN and weights is None:
        raise UsageError("both nets are run with their weights: give those, too")
    kind = recognise(weights).kind if weights is not None else None
    if weights is not None and kind not in _MODELS:
        raise InputError(weights, "is no caffemodel; deploy takes no other weights")
    lost: list[str] = []
    with ExitStack() as stack:
        if net is not None:
            source = workspace.source(net)
        elif weights is None or kind is FileKind.MODEL_HDF5:
            raise UsageError("no net is given; only a binary caffemodel carries its own")
        else:
            model = model_of(weights, wishes)
            source, lost = carried_net(model.path, model.index, model.dialect)
        if weights is not None and kind is FileKind.MODEL_HDF5:
            file, _ = current_form(workspace, source, wishes.target)
            weights = stack.enter_context(as_binary(weights, file.nets[0]))
        try:
            found = plan(workspace, source, weights, wishes)
        except InputError as error:
            if net is not None or weights is None or error.path != source.path:
                raise
            raise InputError(weights, f"the net in it: {error.message}") from None
        yield found._replace(remarks=(*lost, *found.remarks))


def deploy_files(
    workspace: Workspace,
    net: str | None,
    weights: str | None,
    folder: str | None,
    wishes: Wishes,
    progress: Progress | None = None,
) -> Deployment:
    """Write a net, and its weights, as importers read them; the results keep their names.

    Without a folder they replace what is given. Raises ProtolintError where something is not
    clear, cannot be represented or would not compute what its source does. Nothing is written
    then.
    """
    if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(f"{folder}: is no folder; a net and its weights are written to one")
    undone = put_back(path for path in (net, weights, folder) if path is not None)
    with planned(workspace, net, weights, wishes) as found:
        outputs = [job.path for job in found.jobs]
        if folder is not None:
            outputs = [os.path.join(folder, os.path.basename(path)) for path in outputs]
        elif outputs != [path for path in (net, weights) if path is not None]:
            raise UsageError("in place only a net and a binary caffemodel are replaced; give -o")
        if len(set(outputs)) < len(outputs):
            raise UsageError(f"{folder}: the net and its weights have the same name")
        for job, output in zip(found.jobs, outputs, strict=True):
            job.output = output
            check_target(job.path, output, in_place=folder is None, overwrite=wishes.force)
        proofs: list[str] = []
        how = Writing(folder is None, wishes.force, progress, wishes.tolerance)
        with made_folder(folder or os.curdir):
            write_jobs(found.jobs, how, lambda _: proofs.append(_run(found, wishes)))
        words = (notes.undone(path).message for path in undone)
        remarks = (*words, *found.remarks, *filter(None, proofs))
        known = tuple(limits(wishes.importer, found.after)) if wishes.importer else ()
        state = str(found.made.view.state)
        return Deployment(tuple(outputs), state, found.target.name, remarks, found.after, known)


def _run(found: Plan, wishes: Wishes) -> str:
    """Return what running the net before and after shows, "" for nothing; raises ProofError."""
    way = wishes.prove
    models = [job for job in found.jobs if not isinstance(job, TextJob)]
    if way == RUN and not found.runs:
        raise UsageError("the net has what only a fork knows, and is not run: --prove none")
    if way == NEVER or not found.runs or not models:
        return ""
    (model,) = models
    large = too_large(model.path) if way == AUTO else ""
    if large:
        return large
    from protolint.conversion.prove.run import Side, prove_by_running

    side = Side(found.made.net, found.text, model.path, model.temporary)
    return prove_by_running(side, found.target, way, wishes.data, wishes.tolerance)
