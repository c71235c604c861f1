"""Small nets with weights, and running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from protolint.batchnorm.state import Array
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.execution.executor import Executor
from protolint.layers.states import NetState
from protolint.net.net import Net
from protolint.net.parameters import parameters
from protolint.source import Source
from protolint.workspace.reading import Readings

Weights = Mapping[str, Sequence[Array]]
_MODEL = load_schema("bvlc").message_class("NetParameter")


def net_of(text: str) -> Net:
    readings = Readings.of(Source("net.prototxt", text.encode()))
    (net,) = readings.read(DIALECTS["bvlc"]).nets
    return net


def model_of(net: Net, weights: Weights) -> bytes:
    """The caffemodel of a net: each layer with its type, its top and its blobs."""
    model = _MODEL(name="m")
    for layer in net.layers:
        entry = model.layer.add(name=layer.name, type=layer.type)
        entry.bottom.extend(bottom.name for bottom in layer.bottoms)
        entry.top.extend(top.name for top in layer.tops)
        if layer.batchnorm.eps is not None:
            entry.batch_norm_param.eps = layer.batchnorm.eps
        for blob in weights.get(layer.name, ()):
            made = entry.blobs.add()
            made.shape.dim.extend(blob.shape)
            made.data.extend(blob.ravel().tolist())
    data: bytes = model.SerializeToString()
    return data


def blobs_of(data: bytes) -> dict[str, list[Array]]:
    """The blobs in a caffemodel."""
    model = _MODEL()
    model.ParseFromString(data)
    return {
        layer.name: [
            np.array(blob.data, np.float32).reshape(tuple(blob.shape.dim)) for blob in layer.blobs
        ]
        for layer in model.layer
        if layer.blobs
    }


def outputs(net: Net, weights: Weights, data: Array) -> dict[str, Array]:
    """The blobs that nothing reads, after a pass in TEST."""
    executor = Executor(net, weights, NetState("TEST"))
    blobs = executor.forward(dict.fromkeys(executor.inputs, data))
    view = executor.view
    return {v.name: blobs[v.name].copy() for v in view.outputs.values() if not v.readers}


def random_blobs(net: Net, random: np.random.Generator) -> dict[str, list[Array]]:
    """Weights of the shapes that a net asks for; variances are above 0."""
    (view,) = [view for view in net.views if view.state == NetState("TEST")]
    found: dict[str, list[Array]] = {}
    for index, owned in parameters(net, view).items():
        found[net.layers[index].name] = [
            random.standard_normal([dim or 1 for dim in one.shape.dims]).astype(np.float32)
            for one in owned or ()
        ]
    for layer in net.batchnorms:
        mean, variance, _ = found[layer.name]
        factor = np.float32(random.uniform(0.5, 200))
        found[layer.name] = [
            mean * factor,
            (np.abs(variance) + np.float32(0.01)) * factor,
            np.array([factor], np.float32),
        ]
    return {name: blobs for name, blobs in found.items() if blobs}
