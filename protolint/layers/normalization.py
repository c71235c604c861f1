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
from protolint.layers.fillers import fill
from protolint.layers.layer import Layer
from protolint.layers.setup_check import LEGACY_AXES, Kind, SetupCheck
from protolint.layers.shape import SCALAR, UNKNOWN, Shape, canonical

__all__ = ["TYPES"]

_AXES_IN_WORDS = {1: "one axis", 2: "two axes", 4: "four axes"}


def _batchnorm(setup: Setup) -> Iterator[Blob]:
    """Yield a blob for each role of the kind; a bottom of one axis is one channel."""
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


def _check_batchnorm(setup: SetupCheck) -> None:
    """Demand axes, multipliers of statistics of 0, fillers of gamma and beta."""
    traits = batchnorm_traits(setup.layer, setup.dialect, with_cudnn=setup.around.build.cudnn)
    bottom = setup.bottom()
    axes = setup.axes()
    least = setup.dialect.least_axes
    if axes is not None and (axes < least or (traits.engine == "CUDNN" and axes > LEGACY_AXES)):
        needed = _AXES_IN_WORDS[least if axes < least else LEGACY_AXES]
        how = "N×C×1×1" if axes < least else "N×C×D×(H·W)"
        setup.fault(
            Kind.BATCHNORM_AXES, f"{setup.dialect.name} needs {needed} here and "
            f"'{setup.layer.bottoms[0].name}' has {axes}; reshape to {how}", bottoms=(0,),
        )  # fmt: skip
        return
    channels = 1 if axes == 1 else bottom.size(1)
    if channels == 0:
        setup.fault(Kind.EMPTY, f"{setup.called()} has no channels", bottoms=(0,))
        return
    if traits.affine:
        for role, field in (("gamma", "scale_filler"), ("beta", "bias_filler")):
            written = setup.given("batch_norm_param", field)
            if role in traits.blobs and (written or setup.dialect.gamma_starts_at_zero):
                fill(setup, "batch_norm_param", field, Shape((channels,), True), role)
    size = setup.around.batch_of_statistics
    size = size or setup.integer("batch_norm_param", "stats_batch_size", 0)
    batch = bottom.size(0)
    if size and batch is not None and batch % size and not _uses_stored(setup):
        setup.fault(
            Kind.GROUP,
            f"stats_batch_size {size} does not divide the batch {batch} of {setup.called()}",
            at=("batch_norm_param", "stats_batch_size"),
            bottoms=(0,),
        )
        return
    if traits.kind.checks_statistics_lr:
        _multipliers(setup)
    if setup.faults:
        return
    if 0 in bottom.dims:
        if 0 in bottom.dims[:1] and not setup.building.empty_memory:
            setup.fault(Kind.EMPTY, f"{setup.called()} is empty, and is divided by", bottoms=(0,))
        else:
            setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def _uses_stored(setup: SetupCheck) -> bool:
    return setup.flag("batch_norm_param", "use_global_stats", setup.phase == "TEST")


def _multipliers(setup: SetupCheck) -> None:
    layer = setup.layer
    params = layer.params
    if len(params) == 3 and setup.dialect.zeroes_three_params and not setup.around.inline:
        return
    for param in params[:3]:
        if param.lr_mult != 0:
            setup.fault(
                Kind.STATISTICS, f"lr_mult {param.lr_mult:g} on a statistic", span=param.span
            )
            return


def _check_scale(setup: SetupCheck) -> None:
    """Demand axes of the first bottom that the factors fit."""
    name = "scale_param"
    if len(setup.bottoms) > 1:
        _second_bottom(setup, name)
        if setup.faults or not setup.flag(name, "bias_term"):
            return
        other = setup.bottom(1)
        fill(setup, name, "bias_filler", other, "biases")
        return
    shape = _own_axes(setup, name)
    if shape is None:
        return
    fill(setup, name, "filler", shape, "factors")
    if setup.flag(name, "bias_term") and not setup.faults:
        fill(setup, name, "bias_filler", shape, "biases")


def _check_bias(setup: SetupCheck) -> None:
    """Demand axes of the first bottom that the terms fit."""
    name = "bias_param"
    if len(setup.bottoms) > 1:
        _second_bottom(setup, name)
        return
    shape = _own_axes(setup, name)
    if shape is None:
        return
    fill(setup, name, "filler", shape, "biases")


def _own_axes(setup: SetupCheck, name: str) -> Shape | None:
    """Return the shape of the layer's own blob; None after a fault."""
    axis = setup.axis(name, "axis", 1)
    if setup.faults:
        return None
    count = setup.integer(name, "num_axes", 1)
    if count < -1:
        setup.fault(Kind.RANGE, f"num_axes {count}; it must be -1 or more", at=(name, "num_axes"))
        return None
    axes = setup.bottom().axes
    if axis is None or axes is None:
        setup.unsure = setup.unsure or (axis is None and count != 0)
        size = None if axis is None else setup.bottom().size(axis)
        return Shape((size,), True) if count == 1 else Shape() if count else SCALAR
    if count >= 0 and axis + count > axes:
        setup.fault(
            Kind.AXIS, f"{count} axes from {axis} on go beyond {setup.called()}",
            at=(name, "num_axes"), bottoms=(0,),
        )  # fmt: skip
        return None
    end = axes if count == -1 else axis + count
    return Shape(setup.bottom().dims[axis:end], True)


def _second_bottom(setup: SetupCheck, name: str) -> None:
    other = setup.bottom(1)
    if other.axes is None:
        setup.unsure = True
        return
    axis: int | None = 0
    if other.axes:
        axis = setup.axis(name, "axis", 1)
    axes = setup.bottom().axes
    if axis is None or axes is None:
        setup.unsure = True
        return
    if axis + other.axes > axes:
        setup.fault(
            Kind.AXIS, f"{setup.called(1)} from axis {axis} on goes beyond {setup.called(0)}",
            at=(name, "axis"), bottoms=(0, 1),
        )  # fmt: skip
        return
    for i, size in enumerate(other.dims):
        if setup.differ(setup.bottom().size(axis + i), size):
            setup.fault(
                Kind.SHAPES, f"{setup.called(1)} does not fit {setup.called(0)} from axis {axis} "
                "on", bottoms=(0, 1),
            )  # fmt: skip
            return


def _check_normalize(setup: SetupCheck) -> None:
    """Demand two to four axes that hold something."""
    axes = setup.axes()
    if axes is not None and axes < 2:
        setup.fault(
            Kind.AXIS, f"Normalize takes two axes at least, {setup.called()} has {axes}",
            bottoms=(0,),
        )  # fmt: skip
        return
    if not setup.four_axes_at_most():
        return
    if 0 in setup.bottom().dims[1:]:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))
        return
    shared = setup.flag("norm_param", "channel_shared", True)
    shape = SCALAR if shared else Shape((setup.legacy(1),), True)
    fill(setup, "norm_param", "scale_filler", shape, "factors")


def _check_lrn(setup: SetupCheck) -> None:
    """Demand an odd size; four axes."""
    size = setup.integer("lrn_param", "local_size", 5)
    if size % 2 != 1:
        setup.fault(
            Kind.RANGE, f"local_size {size}; it must be odd", at=("lrn_param", "local_size")
        )
    axes = setup.axes()
    if axes is not None and axes != 4:
        setup.fault(Kind.AXIS, f"LRN takes four axes, {setup.called()} has {axes}", bottoms=(0,))


def _check_mvn(setup: SetupCheck) -> None:
    """Demand four axes at most; values to take the mean of."""
    if not setup.four_axes_at_most():
        return
    sizes = [setup.legacy(axis) for axis in (2, 3)]
    if setup.flag("mvn_param", "across_channels"):
        sizes.append(setup.legacy(1))
    if 0 in sizes:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


TYPES = (
    LayerType(
        "BatchNorm", ("batch_norm_param",), ONE, ONE, first, _batchnorm,
        in_place=InPlace.FINE, keeps_shape=True, check=_check_batchnorm,
    ),
    # Intel's, which BatchNorm is too where its engine is MKL2017 (mkl_batch_norm_layer.cpp).
    LayerType(
        "MKLBatchNorm", ("batch_norm_param",), ONE, ONE, first, _batchnorm, keeps_shape=True,
    ),
    LayerType(
        "Scale", ("scale_param",), between(1, 2), ONE, first, _scale,
        in_place=InPlace.FINE, backward=Backward(_scale_reads_bottom, weights=True),
        keeps_shape=True, check=_check_scale,
    ),
    LayerType(
        "Bias", ("bias_param",), between(1, 2), ONE, first, _bias,
        in_place=InPlace.FINE, keeps_shape=True, check=_check_bias,
    ),
    LayerType(
        "LRN", ("lrn_param",), ONE, ONE, first, in_place=InPlace.WRONG_OUTPUT,
        backward=Backward(always, spoilers=_lrn_spoilers), keeps_shape=True, check=_check_lrn,
    ),
    LayerType(
        "MVN", ("mvn_param",), ONE, ONE, first, in_place=InPlace.WRONG_GRADIENT,
        backward=Backward(spoilers=needs(ALL_VALUES)), keeps_shape=True, check=_check_mvn,
    ),
    LayerType(
        "Normalize", ("norm_param",), ONE, ONE, first, _normalize,
        keeps_shape=True, check=_check_normalize,
    ),
)  # fmt: skip
