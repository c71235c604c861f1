"""Every layer type that some Caffe registers, by its name; which do, each Caffe says itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from protolint.layers.base import LayerType
    from protolint.layers.layer import Layer

__all__ = ["ALL_TYPES", "is_understood"]

#: The module of each family, and the types that it has.
_FAMILIES = {
    "activations": (
        "AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "Power", "PReLU", "ReLU",
        "Sigmoid", "Softmax", "SpatialDropout", "Swish", "TanH", "Threshold",
    ),
    "convolution": ("Convolution", "Deconvolution", "Im2col"),
    "data": (
        "AnnotatedData", "BoxData", "Data", "DummyData", "HDF5Data", "ImageData", "Input",
        "MemoryData", "VideoData", "WindowData",
    ),
    "dense": ("Embed", "InnerProduct"),
    "detection": (
        "BoxAnnotatorOHEM", "DetectNetTransformation", "DetectionEvaluate", "DetectionOutput",
        "EvalDetection", "MultiBoxLoss", "PriorBox",
    ),
    "eltwise": ("Axpy", "Eltwise"),
    "joining": ("BatchReindex", "Concat", "Crop", "Filter", "Slice", "Split", "Tile"),
    "losses": (
        "Accuracy", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss", "L1Loss",
        "MultinomialLogisticLoss", "RegionLoss", "SigmoidCrossEntropyLoss", "SmoothL1Loss",
        "SmoothL1LossOHEM", "SoftmaxWithLoss", "SoftmaxWithLossOHEM",
    ),
    "normalization": (
        "BatchNorm", "Bias", "LRN", "MKLBatchNorm", "MVN", "Normalize", "Scale",
    ),
    "other": ("HDF5Output", "MnActivation", "Parameter", "Python", "Silence", "TRT"),
    "pooling": ("PSROIPooling", "Pooling", "ROIPooling", "SPP"),
    "recurrent": ("LSTM", "LSTMUnit", "RNN"),
    "reducing": ("ArgMax", "Reduction"),
    "reshaping": ("Flatten", "Permute", "Reorg", "Reshape"),
}  # fmt: skip

_D = TypeVar("_D")


class _Catalogue(Mapping[str, "LayerType"]):
    """What is known of each type. A family is imported when one of its types is asked for."""

    def __init__(self) -> None:
        self._known: dict[str, LayerType] = {}
        self._family = {name: family for family, names in _FAMILIES.items() for name in names}

    def __getitem__(self, name: str) -> LayerType:
        found = self._known.get(name)
        if found is None:
            types = import_module(f"protolint.layers.{self._family[name]}").TYPES
            self._known.update((known.name, known) for known in types)
            found = self._known[name]
        return found

    def get(self, name: str, default: _D = None) -> LayerType | _D:  # type: ignore[assignment]
        """Return what is known of a type, or the default."""
        found = self._known.get(name)
        if found is None and name in self._family:
            found = self[name]
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return name in self._family

    def __iter__(self) -> Iterator[str]:
        return iter(self._family)

    def __len__(self) -> int:
        return len(self._family)


#: What is known of each layer type, by its name.
ALL_TYPES = _Catalogue()


def is_understood(layer: Layer) -> bool:
    """Return whether it is known what the layer does.

    Its type is one that some Caffe registers, and the schema has the fields that the type
    reads: what a schema does not have was not read.
    """
    known = ALL_TYPES.get(layer.type)
    if known is None or layer.generation < 2:
        return known is not None
    fields = layer.message.type.fields
    for field in known.parameters:  # noqa: SIM110
        if field not in fields:
            return False
    return True
