"""What the layers of SSD demand.

Sources: prior_box_layer.cpp, multibox_loss_layer.cpp, detection_output_layer.cpp,
detection_evaluate_layer.cpp (src/caffe/layers @ weiliu89/caffe ssd, NVIDIA v0.17.4,
Intel 1.1.6).
"""

from __future__ import annotations

from protolint.layers.demands_loss import first_sizes
from protolint.layers.setup_check import Kind, SetupCheck

__all__ = ["DEMANDS"]

_B, _M, _O, _E = (
    "prior_box_param", "multibox_loss_param", "detection_output_param",
    "detection_evaluate_param",
)  # fmt: skip


def _numbers(setup: SetupCheck, parameter: str, field: str) -> list[float]:
    return [float(v) for v in setup.given(parameter, field) if isinstance(v, (int, float))]


def prior_box(setup: SetupCheck) -> None:
    """Sizes, variances, steps and image sizes; a map to lay boxes over."""
    smallest, largest = _numbers(setup, _B, "min_size"), _numbers(setup, _B, "max_size")
    if not smallest:
        setup.fault(Kind.MISSING, "no min_size", at=(_B, "min_size"))
        return
    if min(smallest) <= 0:
        setup.fault(Kind.RANGE, f"min_size {min(smallest):g}; it must be above 0",
                    at=(_B, "min_size"))  # fmt: skip
        return
    if largest:
        if len(largest) != len(smallest):
            setup.fault(
                Kind.CONTRADICTION, f"{len(largest)} max_size for {len(smallest)} min_size",
                at=(_B, "max_size"),
            )  # fmt: skip
            return
        for small, large in zip(smallest, largest, strict=True):
            if large <= small:
                setup.fault(Kind.RANGE, f"max_size {large:g} is not above min_size {small:g}",
                            at=(_B, "max_size"))  # fmt: skip
                return
    variances = _numbers(setup, _B, "variance")
    if len(variances) not in (0, 1, 4):
        setup.fault(Kind.CONTRADICTION, f"{len(variances)} variance; it takes one or four",
                    at=(_B, "variance"))  # fmt: skip
        return
    if variances and min(variances) <= 0:
        setup.fault(Kind.RANGE, f"variance {min(variances):g}; it must be above 0",
                    at=(_B, "variance"))  # fmt: skip
        return
    for plain, halves in (("img_size", ("img_h", "img_w")), ("step", ("step_h", "step_w"))):
        if any(setup.given(_B, half) for half in halves):
            if setup.given(_B, plain):
                setup.fault(
                    Kind.CONTRADICTION, f"{plain} and {halves[0]}/{halves[1]} exclude each other",
                    at=(_B, plain),
                )  # fmt: skip
                return
            for half in halves:
                value = setup.number(_B, half, 0)
                if value <= 0:
                    setup.fault(Kind.RANGE, f"{half} {value:g}; it must be above 0",
                                at=(_B, half))  # fmt: skip
                    return
        elif setup.given(_B, plain) and setup.number(_B, plain, 0) <= 0:
            setup.fault(
                Kind.RANGE, f"{plain} {setup.number(_B, plain, 0):g}; it must be above 0",
                at=(_B, plain),
            )  # fmt: skip
            return
    if not setup.bottoms:
        setup.fault(Kind.COUNT, "PriorBox takes the map and the data")
        return
    if not setup.four_axes_at_most():
        return
    if 0 in (setup.legacy(2), setup.legacy(3)):
        setup.fault(Kind.EMPTY, f"no place for a box in {setup.called()}", bottoms=(0,))


def _priors(setup: SetupCheck) -> int | None:
    size = setup.legacy(2, 2)
    return None if size is None else size // 4


def _heads(setup: SetupCheck, classes: int, *, shared: bool) -> None:
    """Check that the heads have four numbers and the classes for each box."""
    priors = _priors(setup)
    places = 1 if shared else classes
    for i, per_box, what in ((0, 4 * places, "locations"), (1, classes, "classes")):
        wanted = None if priors is None else priors * per_box
        channels = setup.legacy(1, i)
        if setup.differ(channels, wanted):
            setup.fault(
                Kind.SHAPES, f"the {what} {setup.called(i)} hold {channels} for each image and "
                f"need {wanted}: {priors} boxes of {setup.called(2)} times {per_box}",
                bottoms=(i, 2),
            )  # fmt: skip
            return


def multibox_loss(setup: SetupCheck) -> None:
    """Classes, mining, and heads that fit the boxes."""
    if not (setup.four_axes_at_most(0) and setup.four_axes_at_most(2)):
        return
    if not setup.given(_M, "num_classes"):
        setup.fault(Kind.MISSING, "no num_classes", at=(_M, "num_classes"))
        return
    classes = setup.integer(_M, "num_classes", 0)
    if classes < 1:
        setup.fault(Kind.RANGE, f"num_classes {classes}; it must be 1 or more",
                    at=(_M, "num_classes"))  # fmt: skip
        return
    mining = setup.word(_M, "mining_type", "MAX_NEGATIVE") != "NONE"
    if setup.given(_M, "do_neg_mining") and setup.flag(_M, "do_neg_mining") != mining:
        setup.fault(
            Kind.CONTRADICTION, "do_neg_mining and mining_type say different things",
            at=(_M, "do_neg_mining"),
        )  # fmt: skip
        return
    shared = setup.flag(_M, "share_location", True)
    if mining and not shared:
        setup.fault(
            Kind.CONTRADICTION, "mining needs share_location: true; or set mining_type: NONE",
            at=(_M, "share_location"),
        )  # fmt: skip
        return
    background = setup.integer(_M, "background_label_id", 0)
    if setup.word(_M, "conf_loss_type", "SOFTMAX") == "SOFTMAX" and not 0 <= background < classes:
        setup.fault(
            Kind.RANGE, f"background_label_id {background} is none of the {classes} classes",
            at=(_M, "background_label_id"),
        )  # fmt: skip
        return
    if not first_sizes(setup):
        return
    if not all(setup.four_axes_at_most(i) for i in (1, 3)):
        return
    _heads(setup, classes, shared=shared)


def detection_output(setup: SetupCheck) -> None:
    """Classes, thresholds, and heads that fit the boxes."""
    if not setup.given(_O, "num_classes"):
        setup.fault(Kind.MISSING, "no num_classes", at=(_O, "num_classes"))
        return
    message = setup.message(_O)
    nms = message.message("nms_param") if message is not None else None
    if nms is not None:
        if nms.number("nms_threshold") < 0:
            setup.fault(Kind.RANGE, "nms_threshold must not be below 0", at=(_O, "nms_param"))
            return
        if not 0 < nms.number("eta") <= 1:
            setup.fault(Kind.RANGE, f"eta {nms.number('eta'):g}; it must be above 0 and at most 1",
                        at=(_O, "nms_param"))  # fmt: skip
            return
    if not all(setup.four_axes_at_most(i) for i in (0, 1)):
        return
    if setup.differ(setup.legacy(0, 0), setup.legacy(0, 1)):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many images",
            bottoms=(0, 1),
        )  # fmt: skip
        return
    if setup.four_axes_at_most(2):
        _heads(setup, setup.integer(_O, "num_classes", 0),
               shared=setup.flag(_O, "share_location", True))  # fmt: skip


def detection_evaluate(setup: SetupCheck) -> None:
    """Classes, detections of seven numbers and boxes of eight."""
    if not setup.given(_E, "num_classes"):
        setup.fault(Kind.MISSING, "no num_classes", at=(_E, "num_classes"))
        return
    if setup.number(_E, "overlap_threshold", 0.5) <= 0:
        setup.fault(Kind.RANGE, "overlap_threshold must be above 0", at=(_E, "overlap_threshold"))
        return
    if setup.word(_E, "name_size_file"):
        setup.unsure = True
    if len(setup.bottoms) < 2:
        setup.fault(Kind.COUNT, "DetectionEvaluate takes detections and boxes")
        return
    for i, width in ((0, 7), (1, 8)):
        if not setup.four_axes_at_most(i):
            return
        for axis, size in ((0, 1), (1, 1), (3, width)):
            if setup.differ(setup.legacy(axis, i), size):
                setup.fault(
                    Kind.SHAPES,
                    f"{setup.called(i)} must be 1x1xNx{width}{', as AnnotatedData gives it' * i}",
                    bottoms=(i,),
                )
                return


DEMANDS = {
    "DetectionEvaluate": detection_evaluate,
    "DetectionOutput": detection_output,
    "MultiBoxLoss": multibox_loss,
    "PriorBox": prior_box,
}
