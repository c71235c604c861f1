"""Which head of a detector has not the outputs that its boxes need."""

from __future__ import annotations

from protolint.layers.fields import flag, integer, size
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.shapes import bottom_shapes, shapes
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple

#: Layers between a head and the loss that keep every value.
_PASSING = frozenset({"Flatten", "Permute", "Reshape", "ReLU", "Sigmoid", "Softmax"})
_PARAMETERS = {
    "DetectionOutput": "detection_output_param",
    "MultiBoxLoss": "multibox_loss_param",
}


class Head(NamedTuple):
    """A convolution that gives numbers for boxes, what it has and what it needs.

    `boxes` are those at each place, `per_box` the numbers for each.
    """

    layer: Layer
    outputs: int
    needed: int
    boxes: int
    per_box: int


def wrong_heads(net: Net, view: View, layer: Layer) -> list[Head]:
    """Return the heads above a MultiBoxLoss or DetectionOutput whose num_output is wrong.

    The boxes and the heads are put together in the same order. Where heads are not to be
    followed up, as behind a max-out label, none is returned.
    """
    parameter = _PARAMETERS[layer.type]
    classes = integer(layer, parameter, "num_classes")
    places = 1 if flag(layer, parameter, "share_location", True) else classes
    bottoms = view.bottoms[layer.index]
    if len(bottoms) < 3:
        return []
    known = shapes(net, view)
    priors = [known.get(version) for version in _parts(view, bottoms[2], frozenset())]
    found = []
    for bottom, per_box in ((bottoms[0], 4 * places), (bottoms[1], classes)):
        heads = [version.producer for version in _parts(view, bottom, _PASSING)]
        if len(heads) != len(priors):
            continue
        for head, prior in zip(heads, priors, strict=True):
            if head is None or head.type != "Convolution" or prior is None:
                continue
            above = bottom_shapes(view, head, known)
            made = known.get(view.tops[head.index][0])
            outputs = size(head, "convolution_param", "num_output")
            if not above or made is None or outputs is None:
                continue
            height, width = made.size(2), made.size(3)
            numbers = prior.size(2)
            if not height or not width or not numbers or numbers % (4 * height * width):
                continue
            boxes = numbers // (4 * height * width)
            if outputs != boxes * per_box:
                found.append(Head(head, outputs, boxes * per_box, boxes, per_box))
    return found


def _parts(view: View, version: BlobVersion | None, passing: frozenset[str]) -> list[BlobVersion]:
    """Return the blobs that a Concat puts together, each followed up through passing layers."""
    last = _origin(view, version, passing)
    if last is None:
        return []
    if last.producer is not None and last.producer.type == "Concat":
        parts = [_origin(view, part, passing) for part in view.bottoms[last.producer.index]]
        return [part for part in parts if part is not None]
    return [last]


def _origin(view: View, version: BlobVersion | None, passing: frozenset[str]) -> BlobVersion | None:
    while version is not None and version.producer is not None:
        if version.producer.type not in passing:
            break
        version = view.bottom(version.producer)
    return version
