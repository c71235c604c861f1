"""Blobs that one layer takes together and that do not fit.

What it does
    Compares the shapes of the bottoms of Eltwise, Concat, Scale, Bias, losses, Accuracy, recurrent
    layers and the heads of SSD, of which it names those with the wrong `num_output`; the parts of
    a Slice with the axis; and what a Reshape keeps with what it makes. The message has both
    shapes, and where each was made.

Why it matters
    Set-up aborts: `Check failed: bottom[0]->shape() == bottom[i]->shape()`, `All inputs must have
    the same shape, except at concat_axis.`, `Number of labels must match number of predictions`,
    `Inputs must have the same dimension.`, `The data and label should have the same first
    dimension.`, `output count must match input count`, `Number of priors must match number of
    location predictions.` Often a pooling rounds a size up that a convolution beside it rounds
    down; then it is named.

Which Caffe
    All. A convolution rounds down, a pooling up.

Evidence
    Reshape of each layer in src/caffe/layers; verdicts of real builds of BVLC, SSD, Intel and
    NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.layers.shape import UNKNOWN
from protolint.layers.window import sides
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.init import construction, faults_of
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.words import counted, joined

from ._construction import findings
from ._drift import place
from ._heads import wrong_heads


@net_rule("NT021", "shapes-disagree", Severity.ERROR, faults=(Kind.SHAPES,))
def check(net: Net) -> Iterator[Finding]:
    named_heads = {
        layer.name: (view, layer)
        for view in net.views
        for layer in net.of_types(("MultiBoxLoss", "DetectionOutput"))
        if layer in view
    }
    faults = faults_of(net, Kind.SHAPES)
    for finding, (fault, states) in zip(findings(net, Kind.SHAPES), faults, strict=True):
        where = named_heads.get(finding.layer or "")
        if where is not None:
            finding = _with_heads(net, *where, finding)
        elif fault.layer is not None:
            finding = _with_rounding(net, net.view_in(states[0]), fault.layer, finding)
        yield finding


def _with_rounding(net: Net, view: View, layer: Layer, finding: Finding) -> Finding:
    """Name the pooling that rounds up what one bottom comes from and the others do not."""
    known = construction(net, view).shapes
    versions = [version for version in view.bottoms[layer.index] if version is not None]
    ways = [list(_way(view, version)) for version in versions]
    for pool in (one for way in ways for one in way if one.type == "Pooling"):
        if sum(pool in way for way in ways) > 1 or (read := view.bottom(pool)) is None:
            continue
        for axis, window in enumerate(sides(pool), 2):
            size, made = (
                known.get(v, UNKNOWN).size(axis) for v in (read, view.tops[pool.index][0])
            )
            if size is None or made is None or window.kernel is None:
                continue
            ends = (made - 1) * window.stride + window.kernel > size + 2 * window.pad
            if ends and len({known.get(version, UNKNOWN).size(axis) for version in versions}) > 1:
                words = f"pooling '{pool.name}' rounds up, {size} to {made}"
                return finding._replace(
                    message=f"{finding.message.rpartition('; ')[0]}; {words}: use another size or "
                    "a Crop",
                    related=(*finding.related, Label(pool.head, "rounds up")),
                )
    return finding


def _way(view: View, version: BlobVersion) -> Iterator[Layer]:
    """Yield the layers that a blob comes through, along their first bottoms, from below."""
    while (layer := version.producer) is not None:
        yield layer
        above = view.bottom(layer)
        if above is None:
            return
        version = above


def _with_heads(net: Net, view: View, layer: Layer, finding: Finding) -> Finding:
    """Add which head of a detector has the wrong num_output, and what it needs."""
    heads = wrong_heads(net, view, layer)
    if not heads:
        return finding
    words = [
        f"'{head.layer.name}' has num_output {head.outputs} and needs {head.needed} "
        f"({counted(head.boxes, 'box', 'boxes')} at each place times {head.per_box})"
        for head in heads
    ]
    labels = [Label(place(head.layer, "num_output"), f"needs {head.needed}") for head in heads]
    return finding._replace(
        message=f"{finding.message}; {joined(words)}",
        related=(*labels, *finding.related),
    )


_SSD = """\
layer { name: "i" type: "Input" top: "x" top: "image"
  input_param { shape { dim: [1, 8, 4, 4] } shape { dim: [1, 3, 32, 32] } } }
layer { name: "prior" type: "PriorBox" bottom: "x" bottom: "image" top: "prior"
  prior_box_param { min_size: 4 aspect_ratio: [%s] } }
layer { name: "loc" type: "Convolution" bottom: "x" top: "loc"
  convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc" top: "loc_flat" }
layer { name: "conf" type: "Convolution" bottom: "x" top: "conf"
  convolution_param { num_output: %d kernel_size: 1 } }
layer { name: "conf_flat" type: "Flatten" bottom: "conf" top: "conf_flat" }
layer { name: "out" type: "DetectionOutput"
  bottom: "loc_flat" bottom: "conf_flat" bottom: "prior" top: "out"
  detection_output_param { num_classes: 5 nms_param { } } }
"""
VALID = (
    # A ratio that is given twice adds no box.
    Example("ssd", _SSD % ("2, 2", 15)),
)
INVALID = (Invalid("ssd", _SSD % ("2", 15 * 2), (12,)),)
