"""What each layer type demands before a Caffe builds it, by type."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from protolint.layers.setup_check import SetupCheck

__all__ = ["FAMILIES", "demands_of"]

#: The module of each family (demands_*), and the types whose demands it has.
FAMILIES = {
    "common": (
        "AbsVal", "ArgMax", "Axpy", "BatchReindex", "Concat", "Crop", "Dropout", "Eltwise",
        "Embed", "Exp", "Filter", "Flatten", "InnerProduct", "Log", "MVN", "PReLU", "Permute",
        "Reduction", "Reshape", "Slice", "Softmax", "Split", "Tile",
    ),
    "data": (
        "AnnotatedData", "Data", "DummyData", "HDF5Data", "HDF5Output", "ImageData", "Input",
        "MemoryData", "Parameter", "Python", "VideoData", "WindowData",
    ),
    "detection": ("DetectionEvaluate", "DetectionOutput", "MultiBoxLoss", "PriorBox"),
    "loss": (
        "Accuracy", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss", "L1Loss",
        "MultinomialLogisticLoss", "SigmoidCrossEntropyLoss", "SmoothL1Loss", "SoftmaxWithLoss",
    ),
    "norm": ("BatchNorm", "Bias", "Normalize", "Scale"),
    "recurrent": ("LSTM", "LSTMUnit", "RNN"),
    "regions": (
        "BoxAnnotatorOHEM", "PSROIPooling", "ROIPooling", "Reorg", "SmoothL1LossOHEM",
        "SoftmaxWithLossOHEM",
    ),
    "vision": ("Convolution", "Deconvolution", "Im2col", "LRN", "Pooling", "SPP"),
}  # fmt: skip

_family = {name: family for family, names in FAMILIES.items() for name in names}
_loaded: dict[str, Callable[[SetupCheck], None]] = {}


def demands_of(layer_type: str) -> Callable[[SetupCheck], None] | None:
    """Return the checks of LayerSetUp and Reshape of a type, in Caffe's order; None for none.

    A family is imported when one of its types is asked for, as most nets need two or three.
    """
    family = _family.get(layer_type)
    if family is None:
        return None
    if layer_type not in _loaded:
        _loaded.update(import_module(f"protolint.layers.demands_{family}").DEMANDS)
    return _loaded[layer_type]
