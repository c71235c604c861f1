"""Stored statistics against those of a batch: the gap between TRAIN and TEST, measured.

The net runs as in TEST, so that each BatchNorm gets what it gets in use; the gap of a layer
is its own, without that of the layers below it. What its output would be in TRAIN, with the
batch's mean and variance, is worked out here in float64.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from protolint.batchnorm.facts import file_marks
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array, Statistic
from protolint.caffe.field_numbers import LayerField, NetField
from protolint.caffe.registry import DEFAULT
from protolint.conversion.request import options_of
from protolint.conversion.run import convert_files
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.execution.executor import Executor
from protolint.execution.weights import load_weights
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.stats.model import Measured, Snapshot
from protolint.stats.runners import RUNNERS, blobs_read, with_probes
from protolint.weights.blobs import encode_blob
from protolint.weights.files import mapped, open_regular
from protolint.weights.hdf5 import read_model
from protolint.weights.index import index_model
from protolint.weights.kinds import FileKind
from protolint.wire import length_delimited
from protolint.workspace.workspace import Workspace

__all__ = ["gap_of", "measure"]

#: A tenth of a standard deviation is what an output may be off.
_OFF = 0.1
#: With fewer values per channel a batch's own statistics say little.
_FEW = 32


def measure(
    path: str,
    net: Net,
    snapshot: Snapshot,
    runner: str,
    source: str | None = None,
    statistic: Statistic | None = None,
    *,
    workspace: Workspace,
) -> tuple[tuple[Measured, ...], tuple[str, ...]]:
    """Run the net on the batch in `path`: what each BatchNorm of the snapshot has, and notes.

    `runner` is "numpy" or a key of RUNNERS; `source` and `statistic` are as in detect;
    `workspace` has the user's own Caffe. What the net's own Caffe, or OpenCV, cannot read is
    converted to BVLC's form first, in a temporary folder. Raises UsageError or ExecutionError
    where the net cannot be run, InputError where the batch cannot be read.
    """
    if not snapshot.kind.is_model:
        raise UsageError(f"{snapshot.path}: --data needs a caffemodel, not a {snapshot.kind.title}")
    batch = _read_batch(path, net, _deploy_view(net))
    wanted = {numbers.name: numbers for numbers in snapshot.layers if not numbers.problem}
    with _runnable(net, snapshot, runner, source, statistic, workspace) as (text, model, folder):
        layers = _layers(text, wanted)
        if not layers:
            raise UsageError(
                f"{net.source.path}: has no BatchNorm of {snapshot.path} whose statistics are known"
            )
        if runner == "numpy":
            stored = {layer.index: wanted[layer.name] for layer in layers}
            measured = _measured(text, model, batch, stored)
        else:
            data, probes = with_probes(text, layers)
            prototxt = os.path.join(folder, "probed.prototxt")
            with open(prototxt, "wb") as out:
                out.write(data)
            read = blobs_read(text, layers)
            given = {name: values for name, values in batch.items() if name in read}
            found = RUNNERS[runner](prototxt, model, given, list(probes.values()))
            measured = tuple(
                gap_of(wanted[name], values) for name, values in zip(probes, found, strict=True)
            )
    return measured, tuple(_notes(measured, len(snapshot.layers)))


def _measured(
    net: Net, model: str, batch: Mapping[str, Array], wanted: Mapping[int, Numbers]
) -> tuple[Measured, ...]:
    """Run a net as far as its last BatchNorm, and measure each of some when its turn comes.

    `wanted` has what each stores, by the layer's index.
    """
    executor = Executor(net, load_weights(model, net.dialect), _deploy_view(net).state)
    measured: list[Measured] = []

    def before(layer: Layer, bottoms: Sequence[Array]) -> None:
        if layer.index in wanted:
            measured.append(gap_of(wanted[layer.index], bottoms[0]))

    for _ in executor.passing(batch, before):
        if len(measured) == len(wanted):
            break
    return tuple(measured)


def _layers(net: Net, wanted: dict[str, Numbers]) -> list[Layer]:
    """Return the BatchNorms of a net that are in the file too."""
    view = _deploy_view(net)
    return [
        layer
        for layer in view.layers
        if layer.type in ("BatchNorm", "BN") and layer.name in wanted and len(layer.bottoms) == 1
    ]


def _notes(measured: tuple[Measured, ...], layers: int) -> Iterator[str]:
    if len(measured) < layers:
        yield f"{layers - len(measured)} of {layers} BatchNorms were not measured"
    few = min(found.count for found in measured)
    if few < _FEW:
        yield f"only {few} values per channel: the batch's own statistics are rough"


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def gap_of(numbers: Numbers, values: Array) -> Measured:
    """Return what one BatchNorm stores against what its input has.

    `values` is the input, with its channels on axis 1. Raises UsageError where it has another
    number of channels.
    """
    if values.ndim < 2 or values.shape[1] != numbers.channels:
        shape = "x".join(map(str, values.shape))
        raise UsageError(
            f"layer '{numbers.name}': has {numbers.channels} channels, and its input in the net"
            f" the shape {shape}; is the net of these weights?"
        )
    rows = np.moveaxis(values.astype(np.float64), 1, 0).reshape(numbers.channels, -1)
    count = rows.shape[1]
    mean, biased = rows.mean(axis=1), rows.var(axis=1)
    variance = biased * (count / (count - 1)) if count > 1 else biased
    stored = numbers.variance + numbers.eps
    shift = np.abs(mean - numbers.mean) / np.sqrt(stored)
    train = numbers.gamma / np.sqrt(biased + numbers.eps)
    gap, differs = _difference(numbers, rows, mean, train)
    return Measured(
        numbers=numbers,
        mean=mean,
        variance=variance,
        count=count,
        mean_shift=shift,
        variance_ratio=(variance + numbers.eps) / stored,
        gap=gap,
        differs=differs,
    )


def _difference(numbers: Numbers, rows: Array, mean: Array, train: Array) -> tuple[float, float]:
    """How far TRAIN output is from TEST output, and how many values are off; NaN if unknown.

    `train` is what TRAIN multiplies each channel by; beta is the same in both.
    """
    sides = (train, mean, numbers.gain, numbers.mean)
    kept = np.isfinite(np.stack(sides)).all(axis=0)
    if not kept.any():
        return float("nan"), float("nan")
    rows = rows[kept]
    gain, centre, stored_gain, stored_centre = (side[kept, None] for side in sides)
    output = gain * (rows - centre)
    off = np.abs(output - stored_gain * (rows - stored_centre))
    differs = float((off > _OFF * np.abs(numbers.gamma[kept, None])).mean())
    size = float(np.sqrt((output**2).mean()))
    root = float(np.sqrt((off**2).mean()))
    return (root / size if size else 0.0 if root == 0 else float("inf")), differs


@contextmanager
def _runnable(
    given: Net,
    snapshot: Snapshot,
    runner: str,
    source: str | None,
    statistic: Statistic | None,
    workspace: Workspace,
) -> Iterator[tuple[Net, str, str]]:
    """Return the net and the path of the weights in a form that the runner reads, and a folder."""
    with tempfile.TemporaryDirectory(prefix="protolint-") as folder:
        net, model = given, os.path.abspath(snapshot.path)
        hdf5 = snapshot.kind is FileKind.MODEL_HDF5
        if runner == "numpy" and not _is_own(net, snapshot):
            net, model = _converted(given, snapshot, folder, source, statistic, workspace)
        if runner == "opencv":
            if not _is_plain(snapshot):
                net, model = _converted(given, snapshot, folder, source, statistic, workspace)
            if hdf5:
                model = _binary(model, net, folder)
        yield net, model, folder


def _is_own(net: Net, snapshot: Snapshot) -> bool:
    """Return whether the BatchNorms of a file lie as the net's own Caffe has them."""
    stored = {numbers.name: numbers.layout for numbers in snapshot.layers if numbers.layout}
    for layer in net.layers:
        if layer.name in stored and layer.type in ("BatchNorm", "BN"):
            traits = net.traits(layer)
            own = LAYOUTS.get(traits.kind.layout_of(affine=traits.affine))
            found = LAYOUTS.get(stored[layer.name])
            if layer.type == "BN" or own is None or found is None:
                return False
            if (own.roles, own.statistic, own.sums) != (found.roles, found.statistic, found.sums):
                return False
    return True


def _is_plain(snapshot: Snapshot) -> bool:
    """Whether OpenCV reads the BatchNorms of a file as they are: plain sums, in plain fields."""
    layouts = (LAYOUTS.get(numbers.layout) for numbers in snapshot.layers)
    if not all(layout is not None and layout.is_plain_sums for layout in layouts):
        return False
    if snapshot.kind is FileKind.MODEL_HDF5:
        return True
    with mapped(snapshot.path) as (data, state):
        return file_marks(index_model(snapshot.path, data, state)).raw_data is None


def _converted(
    net: Net,
    snapshot: Snapshot,
    folder: str,
    source: str | None,
    statistic: Statistic | None,
    workspace: Workspace,
) -> tuple[Net, str]:
    """Return the net and the weights as BVLC's, in the folder."""
    try:
        options = options_of(
            to=DEFAULT,
            source=source,
            bn_stat=statistic.value if statistic is not None else None,
            output=folder + os.sep,
        )
        report = convert_files((net.source.path, snapshot.path), options, workspace=workspace)
    except ProtolintError as error:
        raise UsageError(
            f"--data: the model is run in BVLC's form, and it cannot be converted to that: {error}"
        ) from None
    made = {result.path: result.output for result in report.files}
    return Workspace().net(made[net.source.path], DEFAULT), made[snapshot.path]


def _binary(path: str, net: Net, folder: str) -> str:
    """Return an HDF5 model as a binary one, with the layer types of the net."""
    types = {layer.name: layer.type for layer in net.layers}
    model = os.path.join(folder, "model.caffemodel")
    with open(model, "wb") as file:
        for name, blobs in read_model(path).items():
            if name in types:
                layer = length_delimited(LayerField.NAME, name.encode("utf-8", "surrogateescape"))
                layer += length_delimited(LayerField.TYPE, types[name].encode())
                for values in blobs:
                    layer += length_delimited(LayerField.BLOBS, encode_blob(values))
                file.write(length_delimited(NetField.LAYER, layer))
    return model


def _deploy_view(net: Net) -> View:
    """Return the view of a deploy net in TEST; raises UsageError for a net with data layers."""
    if not net.is_deploy:
        raise UsageError(
            f"{net.source.path}: --data needs a deploy net, one with inputs and without data and"
            " loss layers"
        )
    return next(view for view in net.views if view.state.phase == "TEST")


def _read_batch(path: str, net: Net, view: View) -> dict[str, Array]:
    """Return the values of every input of a net, as float32, from a .npy or .npz file.

    A .npy is for a net with one input; a .npz has an array for each, by the input's name. No
    pickled objects are loaded. Raises InputError for a file that is neither or whose arrays do
    not fit, UsageError where the net's inputs are others.
    """
    found = _arrays(path)
    wanted = {v.name: shape for v, shape in shapes(net, view).items() if _is_input(v.producer)}
    if isinstance(found, Mapping):
        missing = [name for name in wanted if name not in found]
        if missing:
            raise UsageError(f"{path}: has no array '{missing[0]}', an input of the net")
        batch = {name: found[name] for name in wanted}
    elif len(wanted) == 1:
        batch = dict.fromkeys(wanted, found)
    else:
        raise UsageError(
            f"{path}: the net has {len(wanted)} inputs ({', '.join(wanted)}); give a .npz with an"
            " array for each"
        )
    for name, values in batch.items():
        if values.dtype.kind not in "fiub" or not values.size:
            raise InputError(path, f"is {values.dtype} of shape {_text(values)}: no numbers")
        dims = wanted[name].dims
        fits = len(dims) == values.ndim or not wanted[name].complete
        if not fits or (len(dims) > 1 and dims[1] not in (None, values.shape[1])):
            net_shape = "x".join("?" if d is None else str(d) for d in dims)
            raise UsageError(
                f"{path}: has the shape {_text(values)}, and the input '{name}' of the net"
                f" {net_shape}; only the batch and the size of the image may differ"
            )
        if not np.isfinite(values).all():
            raise InputError(path, "has NaN or infinite values")
    return {name: np.ascontiguousarray(v, dtype=np.float32) for name, v in batch.items()}


def _is_input(producer: object) -> bool:
    return producer is None or getattr(producer, "type", "") == "Input"


def _text(values: Array) -> str:
    return "x".join(map(str, values.shape)) or "()"


def _arrays(path: str) -> Array | dict[str, Array]:
    try:
        with open_regular(path) as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            return {name: found[name] for name in found.files}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(path, f"no .npy or .npz of numbers: {error}") from None
