"""Layers of detectors: SSD's, DetectNet's and Intel's.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ weiliu89/caffe ssd,
NVIDIA v0.17.3; detectnet_transform_layer.cpp, util/detectnet_coverage_rectangular.cpp @ NVIDIA
v0.17.3; those of Intel's own @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from math import inf

from protolint.layers.base import ANY, ONE, TWO, LayerType, Setup, between, exactly, unknown
from protolint.layers.checks import above_zero, alike, as_many_items
from protolint.layers.fields import integer, size
from protolint.layers.losses import loss
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape, product

__all__ = ["TYPES"]

_B, _M, _O, _E = (
    "prior_box_param", "multibox_loss_param", "detection_output_param",
    "detection_evaluate_param",
)  # fmt: skip
_OHEM = "box_annotator_ohem_param"


def _prior_box(setup: Setup, _i: int) -> Shape:
    """Boxes and their variances, four numbers for each box at each place."""
    message = setup.layer.parameter(_B)
    if message is None:
        return Shape.of((1, 2, None))
    ratios = [1.0]
    for ratio in message.numbers("aspect_ratio"):
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio if ratio else inf] if message.flag("flip") else [ratio]
    smallest, largest = message.numbers("min_size"), message.numbers("max_size")
    boxes = len(ratios) * len(smallest) + len(largest)
    return Shape.of((1, 2, product((setup.first.size(2), setup.first.size(3), boxes, 4))))


def _detections(_setup: Setup, _i: int) -> Shape:
    """Return a row for each box that is found: one when the net is built."""
    return Shape.of((1, 1, 1, 7))


def _evaluation(setup: Setup, _i: int) -> Shape:
    """Return a row for each class and each box that is found."""
    classes, boxes = size(setup.layer, _E, "num_classes"), setup.first.size(2)
    if classes is None or boxes is None:
        return Shape.of((1, 1, None, 5))
    background = integer(setup.layer, _E, "background_label_id") != -1
    return Shape.of((1, 1, classes - background + boxes, 5))


def _detectnet(setup: Setup, i: int) -> Shape:
    """Images of the size asked for, and a grid over them of classes and eight more numbers."""
    name, layer = "detectnet_groundtruth_param", setup.layer
    height = integer(layer, name, "image_size_y", 384)
    width = integer(layer, name, "image_size_x", 1248)
    batch = setup.bottom(i).size(0)
    if i == 0:
        return Shape.of((batch, 3, height, width))
    stride = integer(layer, name, "stride", 4)
    message = layer.parameter(name)
    classes = message.messages("object_class") if message is not None else []
    labels = 9 + max((mapping.integer("dst") for mapping in classes), default=0)
    grid = (side // stride if stride and side % stride == 0 else None for side in (height, width))
    return Shape.of((batch, labels, *grid))


def _ohem(setup: Setup, i: int) -> Shape:
    """Return a label for each place, and weights as large as the boxes."""
    batch, _, height, width = setup.first.lead(4)
    return Shape.of((batch, 1 if i == 0 else setup.bottom(3).size(1), height, width))


def _check_prior_box(setup: SetupCheck) -> None:
    """Demand sizes, variances, steps and image sizes; a map to lay boxes over."""
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


def _check_multibox_loss(setup: SetupCheck) -> None:
    """Demand classes, mining, and heads that fit the boxes."""
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
    if not as_many_items(setup):
        return
    if not all(setup.four_axes_at_most(i) for i in (1, 3)):
        return
    _heads(setup, classes, shared=shared)


def _check_detection_output(setup: SetupCheck) -> None:
    """Demand classes, thresholds, and heads that fit the boxes."""
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


def _check_detection_evaluate(setup: SetupCheck) -> None:
    """Demand classes, detections of seven numbers and boxes of eight."""
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
        for axis, wanted in ((0, 1), (1, 1), (3, width)):
            if setup.differ(setup.legacy(axis, i), wanted):
                setup.fault(
                    Kind.SHAPES,
                    f"{setup.called(i)} must be 1x1xNx{width}{', as AnnotatedData gives it' * i}",
                    bottoms=(i,),
                )
                return


def _numbers(setup: SetupCheck, parameter: str, field: str) -> list[float]:
    return [float(v) for v in setup.given(parameter, field) if isinstance(v, (int, float))]


def _check_ohem(setup: SetupCheck) -> None:
    """Demand boxes of five numbers, and losses and labels of one channel for each of them."""
    if not above_zero(setup, _OHEM, "roi_per_img"):
        return
    if not setup.four_axes_at_most():
        return
    for i, channels in ((0, 5), (1, 1), (2, 1)):
        if i and not alike(setup, 0, i, 0):
            return
        if setup.differ(setup.legacy(1, i), channels):
            setup.fault(Kind.SHAPES, f"{setup.called(i)} must have {channels} in axis 1",
                        bottoms=(i,))  # fmt: skip
            return
        if i and not alike(setup, 0, i, 2, 3):
            return
    alike(setup, 0, 3, 0, 2, 3)


# PriorBox, DetectionEvaluate: their headers declare ExactBottomBlobs, which nothing calls.
TYPES = (
    LayerType("BoxAnnotatorOHEM", (_OHEM,), exactly(4), TWO, _ohem, check=_check_ohem),
    LayerType(
        "DetectNetTransformation", ("detectnet_groundtruth_param", "detectnet_augmentation_param"),
        TWO, TWO, _detectnet,
    ),
    LayerType("DetectionEvaluate", (_E,), ANY, ONE, _evaluation, check=_check_detection_evaluate),
    LayerType(
        "DetectionOutput", (_O,), between(3, 4), ONE, _detections, check=_check_detection_output,
    ),
    LayerType("EvalDetection", ("eval_detection_param",), ANY, ANY, unknown),
    loss("MultiBoxLoss", _M, bottoms=exactly(4), check=_check_multibox_loss),
    LayerType("PriorBox", (_B,), ANY, ONE, _prior_box, check=_check_prior_box),
)  # fmt: skip
