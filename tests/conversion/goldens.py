"""The models of real frameworks: blobs, BatchNorm layers, and outputs in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from protolint.batchnorm.reading import norms_in, require
from protolint.batchnorm.reference import fold
from protolint.batchnorm.state import Array, Statistic, with_affine
from protolint.caffe.registry import DIALECTS
from protolint.conversion.numbers.embedded_net import model_net
from protolint.conversion.prove.weights import as_loaded
from protolint.net.net import Net
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped
from protolint.weights.index import index_model


def blobs_of(path: Path) -> dict[str, tuple[Array, ...]]:
    """The blobs of every layer of a binary model."""
    with mapped(str(path)) as (data, _):
        index = index_model(str(path), data)
        return {
            layer.name: tuple(
                decode_blob(data, blob, path=str(path), place=layer.name) for blob in layer.blobs
            )
            for layer in index.layers
        }


def function_of(path: Path) -> dict[str, Any]:
    """What each BatchNorm with the Scale behind it amounts to, and its eps.

    A statistic that may be a variance or an inverse deviation is a variance.
    """
    found = {}
    blobs = blobs_of(path)
    with mapped(str(path)) as (data, _):
        index = index_model(str(path), data)
        for norm in require("", norms_in(data, index, statistic=Statistic.VARIANCE)):
            state = norm.state
            if norm.facts.scale and blobs[norm.facts.scale]:
                state = with_affine(state, *blobs[norm.facts.scale])
            found[norm.name] = state
    return found


def output_of(net: Net, path: Path, values: Array) -> Array:
    """The output of a net with weights, by the layouts that its own BatchNorm layers have."""
    blobs = blobs_of(path)
    states = {}
    for layer in net.batchnorms:
        param = layer.parameter("batch_norm_param")
        eps = param.number("eps") if param is not None and "eps" in param else None
        engine = net.traits(layer).engine
        layout, loaded = as_loaded(net.dialect, engine, blobs[layer.name])
        assert net.traits(layer).affine == layout.affine
        states[layer.name] = layout.decode(loaded, eps)
    return evaluate(net, blobs, states, values)


def evaluate_model(path: Path, values: Array) -> Array:
    """The last blob of a model for an input, by the layers and weights the file holds."""
    with mapped(str(path)) as (data, _):
        index = index_model(str(path), data)
        norms = require("", norms_in(data, index, statistic=Statistic.VARIANCE))
        states = {norm.name: norm.state for norm in norms}
        net = model_net(data, index, DIALECTS["nvidia-0.17"])
    return evaluate(net, blobs_of(path), states, values)


def evaluate(
    net: Net, blobs: dict[str, tuple[Array, ...]], states: dict[str, Any], values: Array
) -> Array:
    """The last blob of a net for an input."""
    # Nets of 0.14 declare their input without a layer.
    tops = {"pix": values.astype(np.float64)}
    last = ""
    for layer in net.layers:
        if not layer.bottoms:
            tops[layer.tops[0].name] = values.astype(np.float64)
            continue
        read = [tops[bottom.name] for bottom in layer.bottoms if bottom.name in tops]
        if not read or layer.type == "EuclideanLoss":
            continue
        given = [b.astype(np.float64) for b in blobs.get(layer.name, ())]
        if layer.type == "BatchNorm":
            folded = fold(states[layer.name])
            made = [_each(read[0], folded.scale, folded.shift)]
        elif layer.type == "Scale":
            beta = given[1] if len(given) > 1 else np.zeros_like(given[0])
            made = [_each(read[0], given[0], beta)]
        elif layer.type == "Convolution":
            made = [_convolved(read[0], given)]
        elif layer.type == "InnerProduct":
            flat = read[0].reshape(len(read[0]), -1) @ given[0].T
            made = [flat + (given[1] if len(given) > 1 else 0)]
        elif layer.type == "Reshape":
            dims = layer.parameter("reshape_param")
            assert dims is not None
            shape = dims.message("shape")
            assert shape is not None
            wanted = shape.integers("dim")
            sizes = [read[0].shape[i] if dim == 0 else dim for i, dim in enumerate(wanted)]
            made = [read[0].reshape(sizes)]
        else:
            made = _plain(layer.type, read, len(layer.tops))
        for top, result in zip(layer.tops, made, strict=True):
            tops[top.name], last = result, top.name
    return tops[last]


def _plain(kind: str, read: list[Array], tops: int) -> list[Array]:
    """Layers without weights."""
    if kind == "ReLU":
        return [np.maximum(read[0], 0)]
    if kind == "Eltwise":
        return [sum(read[1:], read[0])]
    if kind == "Concat":
        return [np.concatenate(read, axis=1)]
    if kind == "Softmax":
        grown = np.exp(read[0] - read[0].max(axis=1, keepdims=True))
        return [grown / grown.sum(axis=1, keepdims=True)]
    assert kind == "Split", kind
    return read * tops


def _each(values: Array, scale: Array, shift: Array) -> Array:
    axes = (1, -1) + (1,) * (values.ndim - 2)
    made: Array = values * scale.reshape(axes) + shift.reshape(axes)
    return made


def _convolved(values: Array, blobs: list[Array]) -> Array:
    weights = blobs[0]
    if weights.shape[1] == 1 < values.shape[1]:
        # A group for each channel.
        weights = weights * np.eye(len(weights))[:, :, np.newaxis, np.newaxis]
    size = weights.shape[-1]
    border = size // 2
    padded = np.pad(values, ((0, 0), (0, 0), (border, border), (border, border)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    made: Array = np.einsum("nchwij,ocij->nohw", windows, weights)
    return made + (blobs[1].reshape(1, -1, 1, 1) if len(blobs) > 1 else 0)
