"""Layers that make a loss, and Accuracy, which measures.

A loss layer has a loss_weight of 1 for its first top (SetLossWeights in layer.hpp, LayerSetUp of
loss_layer.cpp). Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC
master, NVIDIA v0.14.5 to v0.17.4; smooth_L1_loss_layer.cpp, multibox_loss_layer.cpp @
weiliu89/caffe ssd; those of Intel's own @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from protolint.layers.base import ONE, TWO, Count, LayerType, Setup, between, exactly
from protolint.layers.checks import alike, as_many_items
from protolint.layers.fields import integer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import SCALAR, Shape, canonical

if TYPE_CHECKING:
    from protolint.layers.base import Check

__all__ = ["MEASURES", "PREDICTIONS", "TYPES", "loss"]

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
    """Return what other losses do; the last top has the loss of each item (*_ohem_layer.cpp)."""
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


def _check_values_of_items(setup: SetupCheck) -> None:
    """Demand as many items, and as many values in each."""
    if not as_many_items(setup):
        return
    for i in (0, 1):
        if setup.bottom(i).axes == 0:
            setup.fault(Kind.AXIS, f"{setup.called(i)} has no axis", bottoms=(i,))
            return
    if _values_differ(setup, 1):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many values",
            bottoms=(0, 1),
        )  # fmt: skip


def _check_values(setup: SetupCheck) -> None:
    """Demand as many values in all."""
    if not as_many_items(setup):
        return
    if setup.bottom(0).axes == 0:
        setup.fault(Kind.AXIS, f"{setup.called(0)} has no axis", bottoms=(0,))
    elif _values_differ(setup, 0):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many values",
            bottoms=(0, 1),
        )  # fmt: skip


def _values_differ(setup: SetupCheck, start: int) -> bool:
    a, b = setup.bottom(0), setup.bottom(1)
    if a.complete and b.complete and a.dims[start:] == b.dims[start:]:
        return False
    # The first size is the same in both: known or not, it cancels out.
    if a.complete and b.complete and a.size(0) == b.size(0) is None:
        start = 1
    return setup.differ(setup.count(a, start), setup.count(b, start))


def _check_softmax_loss(setup: SetupCheck) -> None:
    """Demand a label for each place of the predictions."""
    axis = setup.axis("softmax_param", "axis", 1)
    if setup.faults:
        return
    if axis is not None and setup.bottom().size(axis) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))
        return
    if not as_many_items(setup):
        return
    _labels_fit(setup, axis, setup.layer.type)


def _labels_fit(setup: SetupCheck, axis: int | None, what: str) -> None:
    """Check that there is a label for each place outside an axis of the predictions."""
    bottom, label = setup.bottom(0), setup.bottom(1)
    if axis is None or not bottom.complete or not label.complete:
        setup.unsure = True
        return
    places = (*bottom.dims[:axis], *bottom.dims[axis + 1 :])
    rest, given = list(places), list(label.dims)
    if rest and given and rest[0] is None and given[0] is None:
        rest, given = rest[1:], given[1:]
    wanted = setup.count(Shape(tuple(rest), True))
    if setup.differ(wanted, setup.count(Shape(tuple(given), True))):
        setup.fault(
            Kind.SHAPES, f"{what} takes a label for each place: {setup.called(0)} has {wanted} "
            f"outside axis {axis}, {setup.called(1)} has other", bottoms=(0, 1),
        )  # fmt: skip


def _check_accuracy(setup: SetupCheck) -> None:
    """Demand a label for each place, and top_k of at most the classes."""
    name = "accuracy_param"
    first, second = setup.count(setup.bottom(0)), setup.count(setup.bottom(1))
    best = setup.integer(name, "top_k", 1)
    if second == 0:
        setup.fault(Kind.EMPTY, f"{setup.called(1)} is empty, and is divided by", bottoms=(1,))
        return
    if first is not None and second is not None and best > first // second:
        setup.fault(
            Kind.RANGE, f"top_k {best} is above the {first // second} classes that "
            f"{setup.called(0)} has for {setup.called(1)}", at=(name, "top_k"), bottoms=(0, 1),
        )  # fmt: skip
        return
    if first is None or second is None:
        setup.unsure = setup.unsure or best > 1
    axis = setup.axis(name, "axis", 1)
    if not setup.faults:
        _labels_fit(setup, axis, "Accuracy")


def _check_infogain(setup: SetupCheck) -> None:
    """Demand a matrix that fits, as a source or as a bottom."""
    name = "infogain_loss_param"
    if setup.building.infogain_axis:
        axis = setup.axis(name, "axis", 1)
        if setup.faults:
            return
        loss = setup.message("loss_param")
        if loss is not None and "normalize" in loss:
            setup.fault(Kind.CONTRADICTION, "normalize is too old, use normalization",
                        at=("loss_param", "normalize"))  # fmt: skip
            return
    else:
        axis = None
    if len(setup.bottoms) < 3:
        if not setup.given(name, "source"):
            setup.fault(Kind.MISSING, "no source of the infogain matrix", at=(name, "source"))
            return
        setup.unsure = True
    if not as_many_items(setup):
        return
    if setup.building.infogain_axis:
        _labels_fit(setup, axis, "InfogainLoss")
        classes = None if axis is None else setup.bottom().size(axis)
        if len(setup.bottoms) > 2 and not setup.faults:
            wanted = None if classes is None else classes * classes
            if setup.differ(setup.count(setup.bottom(2)), wanted):
                setup.fault(
                    Kind.SHAPES, f"the matrix {setup.called(2)} must hold {classes}x{classes}",
                    bottoms=(0, 2),
                )  # fmt: skip
        return
    if not setup.four_axes_at_most(1):
        return
    _ones(setup, 1, (1, 2, 3))
    if setup.faults or len(setup.bottoms) < 3 or not setup.four_axes_at_most(2):
        return
    items, count = setup.legacy(0), setup.count(setup.bottom())
    if items == 0:
        setup.fault(Kind.EMPTY, f"{setup.called()} is empty", bottoms=(0,))
        return
    classes = None if items is None or count is None else count // items
    _ones(setup, 2, (0, 1))
    for axis in (2, 3):
        if not setup.faults and setup.differ(setup.legacy(axis, 2), classes):
            setup.fault(
                Kind.SHAPES, f"the matrix {setup.called(2)} must be 1x1x{classes}x{classes}",
                bottoms=(0, 2),
            )  # fmt: skip


def _ones(setup: SetupCheck, i: int, axes: tuple[int, ...]) -> None:
    """Check that some axes of a bottom have one value."""
    for axis in axes:
        if setup.differ(setup.legacy(axis, i), 1):
            setup.fault(
                Kind.SHAPES, f"{setup.called(i)} must have the size 1 in axis {axis}", bottoms=(i,)
            )
            return


def _check_multinomial(setup: SetupCheck) -> None:
    """Demand one label for each item."""
    if as_many_items(setup) and setup.four_axes_at_most(1):
        _ones(setup, 1, (1, 2, 3))


def _check_contrastive(setup: SetupCheck) -> None:
    """Demand two rows of features alike, and whether they are of a kind."""
    if not all(setup.four_axes_at_most(i) for i in range(3)):
        return
    if setup.differ(setup.legacy(1, 0), setup.legacy(1, 1)):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many channels",
            bottoms=(0, 1),
        )  # fmt: skip
        return
    for i, axes in ((0, (2, 3)), (1, (2, 3)), (2, (1, 2, 3))):
        _ones(setup, i, axes)
        if setup.faults:
            return
    as_many_items(setup)


def _check_smooth_l1(setup: SetupCheck) -> None:
    """Demand data, label and weights alike."""
    if len(setup.bottoms) == 3 and setup.building.smooth_l1_weights:
        setup.fault(Kind.COUNT, "SmoothL1Loss takes weights inside and outside, or none")
        return
    if not as_many_items(setup):
        return
    for i in range(1, len(setup.bottoms)):
        if not alike(setup, 0, i, 1, 2, 3):
            return


def _check_smooth_l1_ohem(setup: SetupCheck) -> None:
    """Demand predictions, targets and perhaps weights of one size."""
    if not (as_many_items(setup) and alike(setup, 0, 1, 1, 2, 3)):
        return
    if len(setup.bottoms) == 3:
        alike(setup, 0, 2, 1, 2, 3)


def loss(
    name: str,
    *parameters: str,
    bottoms: Count = TWO,
    tops: Count = ONE,
    check: Check | None = None,
) -> LayerType:
    """Return a type that makes a loss of what is found and what is true (loss_layer.hpp)."""
    return LayerType(name, parameters, bottoms, tops, _shape, is_loss=True, check=check)


_SIGMA = MappingProxyType({"smooth_l1_loss_param": frozenset({"sigma"})})
TYPES = (
    LayerType(
        "Accuracy", ("accuracy_param",), TWO, between(1, 2), _accuracy, check=_check_accuracy
    ),
    loss("ContrastiveLoss", "contrastive_loss_param", bottoms=exactly(3), check=_check_contrastive),
    loss("EuclideanLoss", check=_check_values_of_items),
    loss("HingeLoss", "hinge_loss_param", check=as_many_items),
    loss(
        "InfogainLoss", "infogain_loss_param", bottoms=between(2, 3), tops=between(1, 2),
        check=_check_infogain,
    ),
    loss("L1Loss", check=_check_values_of_items),
    loss("MultinomialLogisticLoss", check=_check_multinomial),
    loss("RegionLoss", "region_loss_param"),
    loss("SigmoidCrossEntropyLoss", "sigmoid_param", check=_check_values),
    # Intel declares a message for it.
    loss("SmoothL1Loss", check=_check_smooth_l1)._replace(reads_of=_SIGMA),
    loss(
        "SmoothL1LossOHEM", bottoms=between(2, 3), tops=between(1, 2), check=_check_smooth_l1_ohem
    )._replace(shape=_ohem, reads_of=_SIGMA),
    loss("SoftmaxWithLoss", "softmax_param", tops=between(1, 2), check=_check_softmax_loss),
    loss(
        "SoftmaxWithLossOHEM", "softmax_param", tops=between(1, 3), check=_check_softmax_loss
    )._replace(shape=_ohem),
)  # fmt: skip
