"""Layers of detectors: SSD's, and DetectNet's.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ weiliu89/caffe ssd,
NVIDIA v0.17.3; detectnet_transform_layer.cpp, util/detectnet_coverage_rectangular.cpp @ NVIDIA
v0.17.3; those of Intel's own @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from math import inf

from protolint.layers.base import ANY, ONE, TWO, LayerType, Setup, between, exactly, unknown
from protolint.layers.fields import integer, size
from protolint.layers.shape import Shape, product

__all__ = ["TYPES"]


def _prior_box(setup: Setup, _i: int) -> Shape:
    """Boxes and their variances, four numbers for each box at each place."""
    message = setup.layer.parameter("prior_box_param")
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
    name = "detection_evaluate_param"
    classes, boxes = size(setup.layer, name, "num_classes"), setup.first.size(2)
    if classes is None or boxes is None:
        return Shape.of((1, 1, None, 5))
    background = integer(setup.layer, name, "background_label_id") != -1
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


# PriorBox, DetectionEvaluate: their headers declare ExactBottomBlobs, which nothing calls.
TYPES = (
    LayerType("BoxAnnotatorOHEM", ("box_annotator_ohem_param",), exactly(4), TWO, _ohem),
    LayerType(
        "DetectNetTransformation", ("detectnet_groundtruth_param", "detectnet_augmentation_param"),
        TWO, TWO, _detectnet,
    ),
    LayerType("DetectionEvaluate", ("detection_evaluate_param",), ANY, ONE, _evaluation),
    LayerType("DetectionOutput", ("detection_output_param",), between(3, 4), ONE, _detections),
    LayerType("EvalDetection", ("eval_detection_param",), ANY, ANY, unknown),
    LayerType("PriorBox", ("prior_box_param",), ANY, ONE, _prior_box),
)  # fmt: skip
