"""Labels of a detector that are no boxes.

What it does
    Reports a MultiBoxLoss whose labels have not eight numbers in a row: those of a Data or
    ImageData layer have one for an image.

Why it matters
    The loss takes eight numbers for each true box: image, class, instance, four corners,
    difficult. Nothing checks it: it reads other memory, learns nonsense or crashes.

Which Caffe
    Those that have MultiBoxLoss. DetectionEvaluate checks its labels (NT021).

What to do
    Read images and boxes with AnnotatedData, whose labels are 1x1xNx8.

Evidence
    GetGroundTruth (src/caffe/util/bbox_util.cpp) @ weiliu89/caffe ssd, NVIDIA v0.17.4, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.shapes import shapes

from ._layers import named


@net_rule(
    "NT039",
    "boxes-without-eight-numbers",
    Severity.ERROR,
    where=lambda caffe: caffe.registers("MultiBoxLoss"),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(("MultiBoxLoss",)):
        for view in net.views_of(layer):
            version = view.bottoms[layer.index][3] if len(layer.bottoms) > 3 else None
            shape = shapes(net, view).get(version) if version is not None else None
            if shape is None or shape.axes is None:
                continue
            width = shape.size(3) if shape.axes > 3 else 1
            if width == 8 or width is None:
                continue
            yield Finding(
                layer.bottoms[3].span,
                f"{named(layer)}: the labels '{layer.bottoms[3].name}' are {shape}, not 1x1xNx8; "
                "read boxes with AnnotatedData",
                layer=layer.name,
            )
            break


VALID = (
    Example(
        "ssd",
        """\
layer { name: "d" type: "DummyData" top: "image" top: "label"
  dummy_data_param { shape { dim: [1, 4, 8, 8] } shape { dim: [1, 1, 3, 8] } } }
layer { name: "prior" type: "PriorBox" bottom: "image" bottom: "image" top: "prior"
  prior_box_param { min_size: 4 } }
layer { name: "loc" type: "Flatten" bottom: "image" top: "loc" }
layer { name: "loss" type: "MultiBoxLoss" top: "loss"
  bottom: "loc" bottom: "loc" bottom: "prior"
  bottom: "label"
  multibox_loss_param { num_classes: 4 }
}
""",
    ),
)
INVALID = (
    Invalid(
        "ssd",
        """\
layer { name: "d" type: "DummyData" top: "image" top: "label"
  dummy_data_param { shape { dim: [1, 4, 8, 8] } shape { dim: [1] } } }
layer { name: "prior" type: "PriorBox" bottom: "image" bottom: "image" top: "prior"
  prior_box_param { min_size: 4 } }
layer { name: "loc" type: "Flatten" bottom: "image" top: "loc" }
layer { name: "loss" type: "MultiBoxLoss" top: "loss"
  bottom: "loc" bottom: "loc" bottom: "prior"
  bottom: "label"
  multibox_loss_param { num_classes: 4 }
}
""",
        (8,),
    ),
)
