"""What losses and measures demand: labels that fit the predictions.

Sources: loss_layer.cpp and LayerSetUp and Reshape of the layers named (src/caffe/layers @
BVLC master, NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6).
"""

from __future__ import annotations

from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape

__all__ = ["DEMANDS", "first_sizes"]


def first_sizes(setup: SetupCheck) -> bool:
    """Check that data and label have as many items; True where nothing is wrong."""
    if setup.building.losses_by_num:
        if not (setup.four_axes_at_most(0) and setup.four_axes_at_most(1)):
            return False
        a, b = setup.legacy(0, 0), setup.legacy(0, 1)
    else:
        for i in (0, 1):
            if setup.bottom(i).axes == 0:
                setup.fault(Kind.AXIS, f"{setup.called(i)} has no axis", bottoms=(i,))
                return False
        a, b = setup.bottom(0).size(0), setup.bottom(1).size(0)
    if setup.differ(a, b):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many items",
            bottoms=(0, 1),
        )  # fmt: skip
        return False
    return True


def plain_loss(setup: SetupCheck) -> None:
    """As many items."""
    first_sizes(setup)


def counts_alike(setup: SetupCheck) -> None:
    """As many items, and as many values in each."""
    if not first_sizes(setup):
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


def all_alike(setup: SetupCheck) -> None:
    """As many values in all."""
    if not first_sizes(setup):
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


def softmax_loss(setup: SetupCheck) -> None:
    """Demand a label for each place of the predictions."""
    _labelled(setup, "softmax_param", softmax=True)


def _labelled(setup: SetupCheck, parameter: str, *, softmax: bool) -> None:
    axis = setup.axis(parameter, "axis", 1)
    if setup.faults:
        return
    if axis is not None and softmax and setup.bottom().size(axis) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))
        return
    if not first_sizes(setup):
        return
    labels_fit(setup, axis, setup.layer.type)


def labels_fit(setup: SetupCheck, axis: int | None, what: str) -> None:
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


def accuracy(setup: SetupCheck) -> None:
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
        labels_fit(setup, axis, "Accuracy")


def infogain(setup: SetupCheck) -> None:
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
    if not first_sizes(setup):
        return
    if setup.building.infogain_axis:
        labels_fit(setup, axis, "InfogainLoss")
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
    ones(setup, 1, (1, 2, 3))
    if setup.faults or len(setup.bottoms) < 3 or not setup.four_axes_at_most(2):
        return
    items, count = setup.legacy(0), setup.count(setup.bottom())
    if items == 0:
        setup.fault(Kind.EMPTY, f"{setup.called()} is empty", bottoms=(0,))
        return
    classes = None if items is None or count is None else count // items
    ones(setup, 2, (0, 1))
    for axis in (2, 3):
        if not setup.faults and setup.differ(setup.legacy(axis, 2), classes):
            setup.fault(
                Kind.SHAPES, f"the matrix {setup.called(2)} must be 1x1x{classes}x{classes}",
                bottoms=(0, 2),
            )  # fmt: skip


def ones(setup: SetupCheck, i: int, axes: tuple[int, ...]) -> None:
    """Check that some axes of a bottom have one value."""
    for axis in axes:
        if setup.differ(setup.legacy(axis, i), 1):
            setup.fault(
                Kind.SHAPES, f"{setup.called(i)} must have the size 1 in axis {axis}", bottoms=(i,)
            )
            return


def multinomial(setup: SetupCheck) -> None:
    """One label for each item."""
    if first_sizes(setup) and setup.four_axes_at_most(1):
        ones(setup, 1, (1, 2, 3))


def contrastive(setup: SetupCheck) -> None:
    """Two rows of features alike, and whether they are of a kind."""
    if not all(setup.four_axes_at_most(i) for i in range(3)):
        return
    if setup.differ(setup.legacy(1, 0), setup.legacy(1, 1)):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many channels",
            bottoms=(0, 1),
        )  # fmt: skip
        return
    for i, axes in ((0, (2, 3)), (1, (2, 3)), (2, (1, 2, 3))):
        ones(setup, i, axes)
        if setup.faults:
            return
    first_sizes(setup)


def smooth_l1(setup: SetupCheck) -> None:
    """Demand data, label and weights alike."""
    if len(setup.bottoms) == 3 and setup.building.smooth_l1_weights:
        setup.fault(Kind.COUNT, "SmoothL1Loss takes weights inside and outside, or none")
        return
    if not first_sizes(setup):
        return
    for i in range(1, len(setup.bottoms)):
        if not (setup.four_axes_at_most(0) and setup.four_axes_at_most(i)):
            return
        for axis in (1, 2, 3):
            if setup.differ(setup.legacy(axis, 0), setup.legacy(axis, i)):
                setup.fault(
                    Kind.SHAPES, f"{setup.called(0)} and {setup.called(i)} differ in axis {axis}",
                    bottoms=(0, i),
                )  # fmt: skip
                return


DEMANDS = {
    "Accuracy": accuracy,
    "ContrastiveLoss": contrastive,
    "EuclideanLoss": counts_alike,
    "HingeLoss": plain_loss,
    "InfogainLoss": infogain,
    "L1Loss": counts_alike,
    "MultinomialLogisticLoss": multinomial,
    "SigmoidCrossEntropyLoss": all_alike,
    "SmoothL1Loss": smooth_l1,
    "SoftmaxWithLoss": softmax_loss,
}
