"""Layers that normalise, and those that scale and shift what is normalised.

Sources: batch_norm_layer.cpp, cudnn_batch_norm_layer.cpp, scale_layer.cpp, bias_layer.cpp,
lrn_layer.cpp, mvn_layer.cpp in src/caffe/layers and their headers @ BVLC master, NVIDIA v0.14.5
to v0.17.4; normalize_layer.cpp @ weiliu89/caffe ssd, NVIDIA v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.base import (
    ALL_VALUES,
    ONE,
    VALUES,
    Backward,
    Blob,
    InPlace,
    LayerType,
    Setup,
    always,
    between,
    first,
    needs,
)
from protolint.layers.batchnorm import batchnorm_traits
from protolint.layers.fields import flag, integer
from protolint.layers.layer import Layer
from protolint.layers.shape import SCALAR, UNKNOWN, Shape, canonical

__all__ = ["TYPES"]


def _batchnorm(setup: Setup) -> Iterator[Blob]:
    """Yield the roles are the kind's; a bottom of one axis is one channel."""
    traits = batchnorm_traits(setup.layer, setup.dialect, with_cudnn=setup.cudnn)
    bottom = setup.first
    channels = 1 if bottom.axes == 1 else bottom.size(1)
    four = traits.kind.blob_axes == 4
    for role in traits.blobs:
        size = 1 if role in ("factor", "reserved") else channels
        yield Blob(role, Shape.of((1, size, 1, 1) if four else (size,)))


def _scale(setup: Setup) -> Iterator[Blob]:
    """Yield some axes of the first bottom, or what the second bottom has instead."""
    own = len(setup.bottoms) < 2
    shape = _axes(setup, "scale_param") if own else setup.bottoms[1]
    if own:
        yield Blob("scale", shape)
    if flag(setup.layer, "scale_param", "bias_term"):
        yield Blob("bias", shape)


def _bias(setup: Setup) -> Iterator[Blob]:
    if len(setup.bottoms) < 2:
        yield Blob("bias", _axes(setup, "bias_param"))


def _axes(setup: Setup, parameter: str) -> Shape:
    """`num_axes` axes from `axis` on, -1 for all the rest."""
    bottom = setup.first
    count = integer(setup.layer, parameter, "num_axes", 1)
    if count == 0:
        return SCALAR
    start = canonical(integer(setup.layer, parameter, "axis", 1), bottom)
    if start is not None and count < 0:
        return Shape(bottom.dims[start:], bottom.complete)
    if start is None or canonical(start + count - 1, bottom) is None:
        return Shape.of((None,)) if count == 1 else UNKNOWN
    return Shape.of(bottom.size(start + i) for i in range(count))


def _scale_reads_bottom(layer: Layer) -> bool:
    """Each of two bottoms is the factor of the other's gradient."""
    return len(layer.bottoms) > 1


def _lrn_spoilers(layer: Layer, _in_place: bool) -> frozenset[str]:
    param = layer.parameter("lrn_param")
    across = param is None or param.text("norm_region") == "ACROSS_CHANNELS"
    return VALUES if across else frozenset()


def _normalize(setup: Setup) -> Iterator[Blob]:
    shared = flag(setup.layer, "norm_param", "channel_shared", True)
    yield Blob("scale", SCALAR if shared else Shape.of((setup.first.size(1),)))


TYPES = (
    LayerType(
        "BatchNorm", ("batch_norm_param",), ONE, ONE, first, _batchnorm,
        in_place=InPlace.FINE, keeps_shape=True,
    ),
    # Intel's, which BatchNorm is too where its engine is MKL2017 (mkl_batch_norm_layer.cpp).
    LayerType(
        "MKLBatchNorm", ("batch_norm_param",), ONE, ONE, first, _batchnorm, keeps_shape=True,
    ),
    LayerType(
        "Scale", ("scale_param",), between(1, 2), ONE, first, _scale,
        in_place=InPlace.FINE, backward=Backward(_scale_reads_bottom, weights=True),
        keeps_shape=True,
    ),
    LayerType(
        "Bias", ("bias_param",), between(1, 2), ONE, first, _bias,
        in_place=InPlace.FINE, keeps_shape=True,
    ),
    LayerType(
        "LRN", ("lrn_param",), ONE, ONE, first, in_place=InPlace.WRONG_OUTPUT,
        backward=Backward(always, spoilers=_lrn_spoilers), keeps_shape=True,
    ),
    LayerType(
        "MVN", ("mvn_param",), ONE, ONE, first, in_place=InPlace.WRONG_GRADIENT,
        backward=Backward(spoilers=needs(ALL_VALUES)), keeps_shape=True,
    ),
    LayerType("Normalize", ("norm_param",), ONE, ONE, first, _normalize, keeps_shape=True),
)  # fmt: skip
