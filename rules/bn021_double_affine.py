"""A Scale that repeats what the BatchNorm above it already does.

What it does
    Reports a Scale with one bottom that reads a BatchNorm which holds gamma and beta itself,
    unless every blob of the Scale has `lr_mult: 0`.

Why it matters
    Scale and shift exist twice. Training works with one more factor that means nothing, and
    weights do not fit: those of BVLC have three blobs where this BatchNorm has five.

Which Caffe
    NVIDIA 0.15, whose BatchNorm always has gamma and beta, and NVIDIA 0.16 and later with
    `scale_bias: true` or one of the fillers. A Scale with two bottoms, as attention and
    squeeze-and-excitation blocks have, is something else. Source: LayerSetUp of
    batch_norm_layer.cpp @ v0.15.14, v0.16.6, v0.17.4.

Fix
    Unsafe, as weights of the Scale are lost: takes the Scale out. `protolint convert` merges
    them into the BatchNorm.

Evidence
    NVIDIA/caffe#194, NVIDIA/caffe#394, NVIDIA/caffe#512, NVIDIA/DIGITS#1648.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import learns
from protolint.net.net import Net
from protolint.net.pairing import scale_reading
from protolint.text.tree import Scalar
from protolint.text.write import delete_fields, quote, replace_value

from ._layers import named


@net_rule(
    "BN021",
    "double-affine",
    Severity.WARNING,
    where=lambda caffe: (
        caffe.has_affine_batchnorm and caffe.has_scale_layer and not caffe.merges_scale
    ),
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    found: dict[int, tuple[Layer, Layer]] = {}
    for batchnorm in net.batchnorms:
        if net.traits(batchnorm).affine:
            for view in net.views_of(batchnorm):
                scale = scale_reading(view, batchnorm)
                if scale is not None and learns(net, scale):
                    found.setdefault(scale.index, (scale, batchnorm))
    for scale, batchnorm in found.values():
        yield Finding(
            scale.head,
            f"{named(scale)}: '{batchnorm.name}' already scales and shifts, and this Scale repeats "
            "it; remove one of them",
            layer=scale.name,
            related=(Label(batchnorm.head, "gamma and beta"),),
            fix=_fix(net, scale),
        )


def _fix(net: Net, scale: Layer) -> Fix | None:
    """Return takes the Scale out where each BatchNorm that feeds it can write its top instead."""
    parameter = scale.parameter("scale_param")
    other_axes = parameter is not None and ("axis" in parameter or "num_axes" in parameter)
    if other_axes or len(scale.tops) != 1 or scale.node.in_list:
        return None
    edits = delete_fields(net.source, [scale.node])
    for view in net.views_of(scale):
        version = view.bottoms[scale.index][0]
        above = version.producer if version is not None else None
        if version is None or above is None or above.type != "BatchNorm":
            return None
        node = above.tops[0].node
        if not net.traits(above).affine or not isinstance(node, Scalar):
            return None
        if scale.is_in_place():
            continue
        if version.readers != [scale]:
            return None
        edit = replace_value(node, quote(scale.tops[0].name))
        edits += [] if edit in edits else [edit]
    return Fix("Take the Scale layer out", tuple(edits), Applicability.UNSAFE)


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer { name: "s" type: "Scale" bottom: "y" top: "y"  }
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
    ),
)
