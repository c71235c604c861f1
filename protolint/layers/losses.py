"""Layers that make a loss, and Accuracy, which measures.

A loss layer has a loss_weight of 1 for its first top (SetLossWeights in layer.hpp, LayerSetUp of
loss_layer.cpp). Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC
master, NVIDIA v0.14.5 to v0.17.4; smooth_L1_loss_layer.cpp, multibox_loss_layer.cpp @
weiliu89/caffe ssd; those of Intel's own @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from types import MappingProxyType

from protolint.layers.base import ONE, TWO, Count, LayerType, Setup, between, exactly
from protolint.layers.fields import integer
from protolint.layers.shape import SCALAR, Shape, canonical

__all__ = ["MEASURES", "PREDICTIONS", "TYPES"]

#: What a loss layer works out of its first bottom before it compares, as a layer of its own:
#: LayerSetUp of softmax_loss_layer.cpp, sigmoid_cross_entropy_loss_layer.cpp. The first bottom of
#: any other loss is the prediction itself.
PREDICTIONS = {
    "SoftmaxWithLoss": "Softmax",
    "SoftmaxWithLossOHEM": "Softmax",
    "SigmoidCrossEntropyLoss": "Sigmoid",
}

#: Layers that measure, print or store, and give nothing that a net computes with.
MEASURES = frozenset({"Accuracy", "DetectionEvaluate", "HDF5Output", "Silence"})


def _shape(setup: Setup, i: int) -> Shape:
    """Return a scalar; a second top has the probabilities (softmax_loss_layer.cpp)."""
    return SCALAR if i == 0 else setup.first


def _ohem(setup: Setup, i: int) -> Shape:
    """Return as for other losses; the last top has the loss of each item (*_ohem_layer.cpp)."""
    if setup.layer.type == "SoftmaxWithLossOHEM":
        return setup.bottom(1) if i == 2 else _shape(setup, i)
    batch, _, high, wide = (setup.first.size(axis) for axis in range(4))
    return Shape.of((batch, 1, high, wide)) if i else SCALAR


def _accuracy(setup: Setup, i: int) -> Shape:
    """Return a scalar; a second top has the accuracy of each class."""
    if i == 0:
        return SCALAR
    axis = canonical(integer(setup.layer, "accuracy_param", "axis", 1), setup.first)
    return Shape.of((None if axis is None else setup.first.size(axis),))


def _loss(name: str, *parameters: str, bottoms: Count = TWO, tops: Count = ONE) -> LayerType:
    """Return a type that makes a loss of what is found and what is true (loss_layer.hpp)."""
    return LayerType(name, parameters, bottoms, tops, _shape, is_loss=True)


_SIGMA = MappingProxyType({"smooth_l1_loss_param": frozenset({"sigma"})})
TYPES = (
    LayerType("Accuracy", ("accuracy_param",), TWO, between(1, 2), _accuracy),
    _loss("ContrastiveLoss", "contrastive_loss_param", bottoms=exactly(3)),
    _loss("EuclideanLoss"),
    _loss("HingeLoss", "hinge_loss_param"),
    _loss("InfogainLoss", "infogain_loss_param", bottoms=between(2, 3), tops=between(1, 2)),
    _loss("L1Loss"),
    _loss("MultiBoxLoss", "multibox_loss_param", bottoms=exactly(4)),
    _loss("MultinomialLogisticLoss"),
    _loss("RegionLoss", "region_loss_param"),
    _loss("SigmoidCrossEntropyLoss", "sigmoid_param"),
    # Intel declares a message for it.
    _loss("SmoothL1Loss")._replace(reads_of=_SIGMA),
    _loss("SmoothL1LossOHEM", bottoms=between(2, 3), tops=between(1, 2))._replace(
        shape=_ohem, reads_of=_SIGMA
    ),
    _loss("SoftmaxWithLoss", "softmax_param", tops=between(1, 2)),
    _loss("SoftmaxWithLossOHEM", "softmax_param", tops=between(1, 3))._replace(shape=_ohem),
)
