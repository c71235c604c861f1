"""What importers read of Caffe's layers: facts, each with its source."""

from __future__ import annotations

from typing import NamedTuple

from protolint.layers.fields import flag
from protolint.net.net import Net
from protolint.words import listed

__all__ = ["IMPORTERS", "Importer", "limits"]


class Importer(NamedTuple):
    """An importer: the layer types it has, the file that says so, and what it takes for granted.

    `needs_scale_bias`: a Scale is read as if it had a bias, whatever bias_term says.
    """

    title: str
    source: str
    types: frozenset[str]
    needs_scale_bias: bool = False


_TENSORRT = (
    "AbsVal", "BatchNorm", "BNLL", "Clip", "Concat", "Convolution", "Crop", "Deconvolution",
    "Eltwise", "ELU", "InnerProduct", "Input", "LRN", "Permute", "Pooling", "Power", "PReLU",
    "Reduction", "ReLU", "Reshape", "Scale", "Sigmoid", "Softmax", "TanH",
)  # fmt: skip
_OPENCV = (
    "AbsVal", "BatchNorm", "BNLL", "Concat", "Convolution", "Crop", "Deconvolution",
    "DetectionOutput", "Dropout", "Eltwise", "ELU", "Exp", "Flatten", "InnerProduct", "Input",
    "Interp", "Log", "LRN", "LSTM", "MVN", "Normalize", "Permute", "Pooling", "Power", "PReLU",
    "PriorBox", "Proposal", "PSROIPooling", "ReLU", "ReLU6", "Reshape", "ROIPooling", "Scale",
    "ShuffleChannel", "Sigmoid", "Silence", "Slice", "Softmax", "Split", "Swish", "TanH", "Tile",
)  # fmt: skip

#: By the name that `--for` takes.
IMPORTERS = {
    "opencv": Importer(
        "OpenCV 4", "modules/dnn/src/init.cpp @ opencv/opencv 4.x", frozenset(_OPENCV)
    ),
    "tensorrt": Importer(
        "TensorRT 8",
        "parsers/caffe/caffeParser/opParsers @ NVIDIA/TensorRT release/8.6",
        frozenset(_TENSORRT),
        needs_scale_bias=True,
    ),
}


def limits(name: str, net: Net) -> list[str]:
    """Return what an importer cannot read of a deploy net, or reads as something else."""
    importer = IMPORTERS[name]
    by_type: dict[str, list[str]] = {}
    for layer in net.layers:
        by_type.setdefault(layer.type, []).append(layer.name)
    found = [
        f"{importer.title} has no layer type {kind} ({listed(names, 3)})"
        for kind, names in by_type.items()
        if kind not in importer.types
    ]
    if importer.needs_scale_bias:
        bare = [
            layer.name
            for layer in net.layers
            if layer.type == "Scale" and not flag(layer, "scale_param", "bias_term")
        ]
        if bare:
            found.append(f"{importer.title} reads a Scale as if it had a bias ({listed(bare, 3)})")
    return found
