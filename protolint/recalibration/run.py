"""`protolint.recalibrate`: the statistics of a model's BatchNorms, estimated again from data."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protolint.batchnorm.base import DEFAULT_FRACTION, Layout, Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.state import Array, BatchNormState, Statistic
from protolint.caffe.dialect import Dialect
from protolint.comparison.run import model_of
from protolint.conversion.numbers.hdf5 import write_model
from protolint.errors import UsageError
from protolint.execution.executor import Executor
from protolint.execution.run import Path, net_of
from protolint.execution.weights import load_order, save_weights
from protolint.files import AtomicFile, check_target
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.pairing import sharing
from protolint.recalibration.batches import Batches, batches_of
from protolint.recalibration.measure import Moments, Progress, measure
from protolint.recalibration.transform import Transform, transform_of
from protolint.record import NamedTuple
from protolint.suggest import did_you_mean
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped, open_regular
from protolint.weights.hdf5 import read_model
from protolint.weights.index import index_model
from protolint.weights.kinds import SIGNATURE_BYTES, is_hdf5

__all__ = ["LEAST", "LayerRepair", "Recalibration", "plan_recalibration", "recalibrate", "span"]

#: With fewer values per channel a variance is off by a quarter or more.
LEAST = 32


class LayerRepair(NamedTuple):
    """One BatchNorm before and after: mean and variance in use, (C) each, float64.

    `values` is how many values per channel the new ones are from, `still` how many channels do
    not vary in the data.
    """

    name: str
    values: int
    mean: tuple[Array, Array]
    variance: tuple[Array, Array]
    factor: tuple[float, float] | None
    still: int


@dataclass(frozen=True, eq=False)
class Recalibration:
    """The repair of one model: its layers, and how many items they were measured on."""

    path: str
    layers: tuple[LayerRepair, ...]
    items: int
    blobs: Mapping[str, Sequence[Array]]

    def write(self, target: str, *, in_place: bool = False, overwrite: bool = False) -> None:
        """Write the repaired model; all but the statistics is copied byte for byte."""
        if not _is_hdf5(self.path):
            save_weights(self.path, self.blobs, target, in_place=in_place, overwrite=overwrite)
            return
        check_target(self.path, target, in_place=in_place, overwrite=overwrite)
        with AtomicFile(target, self.path) as output:
            before = read_model(self.path, self.blobs)
            write_model(self.path, output, _reshaped(self.blobs, before))
            output.finish()
            output.publish(replace=in_place or overwrite)


def recalibrate(
    net: Path | Net,
    weights: Path,
    data: Path | Array | Mapping[str, Array],
    *,
    output: Path | None = None,
    layers: str | Iterable[str] = (),
    transform: Path | Net | None = None,
    batch: int | None = None,
    least: int = LEAST,
    bn_stat: str = "variance",
    target: str | Dialect | None = None,
    proto: Path | None = None,
    cudnn: bool = True,
    isolated: bool = False,
) -> Recalibration:
    """Estimate the stored statistics of a model's BatchNorms again.

    In net order, each BatchNorm behind the repaired ones above it, in TEST. Gamma, beta and all
    other layers stay as they are.

    Args:
        net: The prototxt, or a net from `protolint.load`.
        weights: The caffemodel, binary or HDF5, in the layout of the net's Caffe.
        data: A .npy or .npz file, a folder of images, or arrays as in `protolint.run`.
        output: Where to write the repaired model; nothing is written without it.
        layers: Only these BatchNorms.
        transform: The net whose transform_param prepares images, if not `net` itself.
        batch: How many items run at once; memory grows with it.
        least: How many values per channel have to be there.
        bn_stat: "inv-std" where the weights hold inverse deviations (cuDNN 4).
        target: The Caffe of the net; if not given, found as in `check`.
        proto: Your own fork's caffe.proto, to be used as the schema.
        cudnn: Whether that Caffe was built with cuDNN.
        isolated: Read no configuration file.

    Raises:
        ProtolintError: Weights do not fit the net (PairError), the data are too few or do not
            fit (UsageError), or a file cannot be read or written (InputError).
    """
    read = net_of(net, target, proto=proto, cudnn=cudnn, isolated=isolated)
    source = read
    if transform is not None:
        source = net_of(transform, target, proto=proto, cudnn=cudnn, isolated=isolated)
    given = os.fspath(data) if isinstance(data, (str, os.PathLike)) else data
    found = plan_recalibration(
        read,
        os.fspath(weights),
        given,
        layers=(layers,) if isinstance(layers, str) else tuple(layers),
        transform=transform_of(source),
        batch=batch,
        least=least,
        statistic=Statistic(bn_stat),
    )
    if output is not None:
        found.write(os.fspath(output), overwrite=True)
    return found


def plan_recalibration(
    net: Net,
    path: str,
    data: str | Array | Mapping[str, Array],
    *,
    layers: Sequence[str] = (),
    transform: Transform | None = None,
    batch: int | None = None,
    least: int = LEAST,
    statistic: Statistic = Statistic.VARIANCE,
    progress: Progress | None = None,
) -> Recalibration:
    """Return the repair of a model; see recalibrate. Nothing is written."""
    model = model_of(net, path)
    executor = Executor(*model, stored_statistics=True)
    stored = _stored(path)
    wanted = _wanted(executor, path, layers, stored)
    if statistic is Statistic.INVERSE_DEVIATION:
        _invert(executor)
    before = {layer.name: _in_use(executor, layer) for layer in wanted}
    batches: Batches = batches_of(executor, data, batch, transform)
    moments = measure(executor, batches, {layer.name for layer in wanted}, least, progress)
    repairs, blobs = [], {}
    for layer in wanted:
        made = moments[layer.name]
        layout = _layout(net, layer, statistic)
        blobs[layer.name] = _encoded(
            layout, net, layer, stored[layer.name], made, binary=not _is_hdf5(path)
        )
        factor = None
        if layout.sums:
            at = layout.roles.index(Role.FACTOR)
            olds, news = stored[layer.name][at], blobs[layer.name][at]
            factor = (float(olds.reshape(-1)[0]), float(news.reshape(-1)[0]))
        mean, variance = before[layer.name]
        still = int((made.variance == 0).sum())
        repairs.append(
            LayerRepair(
                layer.name, made.count, (mean, made.mean), (variance, made.variance), factor, still
            )
        )
    return Recalibration(path, tuple(repairs), batches.items, blobs)


def _wanted(
    executor: Executor, path: str, names: Sequence[str], stored: Container[str]
) -> list[Layer]:
    """Return the BatchNorms to repair; raises UsageError where there are none or they share."""
    net = executor.net
    norms = [layer for layer in executor.view.layers if layer.type == "BatchNorm"]
    known = [layer.name for layer in norms]
    if not norms:
        raise UsageError(f"{net.source.path}: has no BatchNorm in TEST")
    for name in names:
        if name not in known:
            raise UsageError(
                f"{net.source.path}: has no BatchNorm '{name}'{did_you_mean(name, known)}"
            )
    found = [layer for layer in norms if not names or layer.name in names]
    for layer in found:
        if layer.name not in executor.parameters or layer.name not in stored:
            raise UsageError(f"{path}: has no BatchNorm weights for '{layer.name}'")
    for users in sharing(net).values():
        shared = [user for user, _ in users if user in found]
        if shared:
            other = next(user for user, _ in users if user is not shared[0])
            raise UsageError(
                f"layer '{shared[0].name}': shares its blobs with '{other.name}', so that its"
                " statistics would have to be those of both"
            )
    return found


def _in_use(executor: Executor, layer: Layer) -> tuple[Array, Array]:
    """Return the mean and the variance with which a layer of the executor computes."""
    layout = _layout(executor.net, layer, Statistic.VARIANCE)
    blobs = dict(zip(layout.roles, executor.parameters[layer.name], strict=True))
    mean, spread = (blobs[role].reshape(-1).astype(np.float64) for role in (Role.MEAN, Role.SPREAD))
    if layout.sums:
        factor = float(blobs[Role.FACTOR].reshape(-1)[0])
        with np.errstate(all="ignore"):
            share = 0.0 if factor == 0 else 1 / factor
            return mean * share, spread * share
    return mean, spread


def _layout(net: Net, layer: Layer, statistic: Statistic) -> Layout:
    """Return the layout that the net's Caffe has for a layer."""
    traits = net.traits(layer)
    name = traits.kind.layout_of(affine=traits.affine)
    if statistic is Statistic.INVERSE_DEVIATION:
        name = f"{name}-inv-std"
        if name not in LAYOUTS:
            raise UsageError(
                f"layer '{layer.name}': {net.dialect.title} keeps no inverse deviation for it"
            )
    return LAYOUTS[name]


def _invert(executor: Executor) -> None:
    """Turn the inverse deviations of a model into the variances that the executor wants."""
    for layer in executor.view.layers:
        if layer.type == "BatchNorm" and layer.name in executor.parameters:
            layout = _layout(executor.net, layer, Statistic.INVERSE_DEVIATION)
            spread = executor.parameters[layer.name][layout.roles.index(Role.SPREAD)]
            eps = executor.net.traits(layer).eps
            with np.errstate(all="ignore"):
                spread[...] = 1 / spread.astype(np.float64) ** 2 - eps


def _encoded(
    layout: Layout,
    net: Net,
    layer: Layer,
    stored: Sequence[Array],
    made: Moments,
    *,
    binary: bool,
) -> tuple[Array, ...]:
    """Return the blobs of a layer with new statistics, the others bit for bit as they are.

    `binary` is whether they are those of a binary file.
    """
    kind = np.float64 if stored[0].dtype == np.float64 else np.float32
    mean, variance = made.mean.astype(kind), made.variance.astype(kind)
    eps = net.traits(layer).eps
    state = BatchNormState(mean, variance, Statistic.VARIANCE, 1.0, None, None, eps)
    fraction = layer.batchnorm.fraction
    factor = _settled(DEFAULT_FRACTION if fraction is None else fraction)
    blobs = layout.encode(state, factor=factor if layout.sums else None)
    keeps = (Role.GAMMA, Role.BETA, Role.RESERVED)
    found = list(stored)
    order = load_order(net.dialect, stored, binary=binary)
    for at, role, new in zip(order, layout.roles, blobs, strict=True):
        if role not in keeps:
            found[at] = new
    return tuple(found)


def _settled(fraction: float) -> float:
    """Return the factor at which F <- f F + 1 stops growing in float32; 1 where it never does."""
    if not 0 < fraction < 1:
        return 1.0
    factor, share = np.float32(1), np.float32(fraction)
    while (grown := share * factor + np.float32(1)) > factor:
        factor = grown
    return float(factor)


def _stored(path: str) -> dict[str, Sequence[Array]]:
    """Return the blobs of each layer as they lie in the file."""
    if _is_hdf5(path):
        return dict(read_model(path))
    with mapped(path) as (data, state):
        return {
            layer.name: [
                decode_blob(data, blob, path=path, place=f"layer '{layer.name}', blob {i}")
                for i, blob in enumerate(layer.blobs)
            ]
            for layer in index_model(path, data, state).layers
            if layer.type in ("BatchNorm", "")
        }


def _reshaped(
    blobs: Mapping[str, Sequence[Array]], before: Mapping[str, Sequence[Array]]
) -> dict[str, list[Array]]:
    """Return blobs in the shapes that they had."""
    return {
        name: [new.reshape(old.shape) for new, old in zip(made, before[name], strict=True)]
        for name, made in blobs.items()
    }


def _is_hdf5(path: str) -> bool:
    with open_regular(path) as file:
        return is_hdf5(file.read(SIGNATURE_BYTES) or b"")


def span(values: Array) -> str:
    """Return the least and the largest of some values, and how many are not finite."""
    finite = values[np.isfinite(values)]
    broken = len(values) - len(finite)
    text = f"{finite.min():.3g} to {finite.max():.3g}" if len(finite) else ""
    return " and ".join(filter(None, [text, f"{broken} not finite" if broken else ""]))
