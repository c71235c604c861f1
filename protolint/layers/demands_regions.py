"""What layers demand that Intel Caffe alone has.

Sources: roi_pooling_layer.cpp, psroi_pooling_layer.cpp, reorg_layer.cpp,
box_annotator_ohem_layer.cpp, smooth_L1_loss_ohem_layer.cpp, softmax_loss_ohem_layer.cpp
(src/caffe/layers @ Intel 1.1.6).
"""

from __future__ import annotations

from protolint.layers.demands_loss import first_sizes, softmax_loss
from protolint.layers.setup_check import Kind, SetupCheck

__all__ = ["DEMANDS"]

_R, _P = "roi_pooling_param", "psroi_pooling_param"


def _positive(setup: SetupCheck, parameter: str, *fields: str) -> bool:
    """Check that fields are given and above 0."""
    for field in fields:
        value = setup.integer(parameter, field, 0)
        if value <= 0:
            kind = Kind.RANGE if setup.given(parameter, field) else Kind.MISSING
            text = f"{field} {value}; it must be above 0" if kind is Kind.RANGE else f"no {field}"
            setup.fault(kind, text, at=(parameter, field))
            return False
    return True


def roi_pooling(setup: SetupCheck) -> None:
    """Demand the size of the maps it makes, in two directions or three."""
    axes = setup.axes()
    if axes is None:
        return
    sizes = setup.integers(_R, "pooled_size")
    if axes not in (4, 5):
        setup.fault(Kind.AXIS, f"ROIPooling takes four axes or five, {setup.called()} has {axes}",
                    bottoms=(0,))  # fmt: skip
        return
    halves = any(setup.given(_R, field) for field in ("pooled_h", "pooled_w"))
    if axes == 5 and halves:
        setup.fault(Kind.CONTRADICTION, "pooled_h and pooled_w are for four axes; give pooled_size",
                    at=(_R, "pooled_h"))  # fmt: skip
    elif axes == 4 and not sizes:
        _positive(setup, _R, "pooled_h", "pooled_w")
    elif len(sizes) not in (1, axes - 2):
        setup.fault(Kind.CONTRADICTION, f"{len(sizes)} pooled_size; give one or {axes - 2}",
                    at=(_R, "pooled_size"))  # fmt: skip
    elif min(sizes) <= 0:
        setup.fault(Kind.RANGE, "a pooled_size of 0; it must be above 0", at=(_R, "pooled_size"))


def psroi_pooling(setup: SetupCheck) -> None:
    """Demand channels for each class and each place of the grid."""
    if not (_positive(setup, _P, "output_dim", "group_size") and setup.four_axes_at_most()):
        return
    outputs, group = setup.integer(_P, "output_dim", 0), setup.integer(_P, "group_size", 0)
    wanted = outputs * group * group
    if setup.differ(setup.legacy(1), wanted):
        setup.fault(
            Kind.SHAPES, f"{setup.called()} needs {wanted} channels: output_dim {outputs} times "
            f"group_size {group} squared", bottoms=(0,),
        )  # fmt: skip


def reorg(setup: SetupCheck) -> None:
    """Demand a stride, which sizes are divided by."""
    if _positive(setup, "reorg_param", "stride"):
        setup.four_axes_at_most()


def _alike(setup: SetupCheck, first: int, second: int, *axes: int) -> bool:
    """Check that two bottoms have the same sizes along some axes."""
    if not (setup.four_axes_at_most(first) and setup.four_axes_at_most(second)):
        return False
    for axis in axes:
        if setup.differ(setup.legacy(axis, first), setup.legacy(axis, second)):
            setup.fault(
                Kind.SHAPES,
                f"{setup.called(first)} and {setup.called(second)} differ in axis {axis}",
                bottoms=(first, second),
            )
            return False
    return True


def box_annotator_ohem(setup: SetupCheck) -> None:
    """Demand boxes of five numbers, and losses and labels of one channel for each of them."""
    if not _positive(setup, "box_annotator_ohem_param", "roi_per_img"):
        return
    if not setup.four_axes_at_most():
        return
    for i, channels in ((0, 5), (1, 1), (2, 1)):
        if i and not _alike(setup, 0, i, 0):
            return
        if setup.differ(setup.legacy(1, i), channels):
            setup.fault(Kind.SHAPES, f"{setup.called(i)} must have {channels} in axis 1",
                        bottoms=(i,))  # fmt: skip
            return
        if i and not _alike(setup, 0, i, 2, 3):
            return
    _alike(setup, 0, 3, 0, 2, 3)


def smooth_l1_loss_ohem(setup: SetupCheck) -> None:
    """Demand predictions, targets and perhaps weights of one size."""
    if not (first_sizes(setup) and _alike(setup, 0, 1, 1, 2, 3)):
        return
    if len(setup.bottoms) == 3:
        _alike(setup, 0, 2, 1, 2, 3)


DEMANDS = {
    "BoxAnnotatorOHEM": box_annotator_ohem,
    "PSROIPooling": psroi_pooling,
    "ROIPooling": roi_pooling,
    "Reorg": reorg,
    "SmoothL1LossOHEM": smooth_l1_loss_ohem,
    "SoftmaxWithLossOHEM": softmax_loss,
}
