"""Normalised values that go into a ReLU without scale and shift.

What it does
    Reports a BatchNorm without gamma and beta of its own that is active in training, is read by
    a ReLU, PReLU or ELU, and by no Scale or Bias layer.

Why it matters
    BatchNorm as it was published ends with a learned scale and shift. Without them every channel
    enters the ReLU with mean 0 and variance 1, half of it is cut off, and the net cannot choose
    otherwise.

Which Caffe
    BVLC and NVIDIA 0.14 with `engine: CAFFE`, whose BatchNorm never has gamma and beta, and
    NVIDIA 0.16 and later without `scale_bias`. NVIDIA 0.15 always has them. A convolution or an
    inner product below can take the scale and shift into its own weights, and before Sigmoid and
    TanH leaving them out is common: no finding there. In NVIDIA 0.14 there is no Scale layer.

Fix
    Unsafe, as it adds parameters: a Scale layer with `bias_term: true` below (BVLC), or
    `scale_bias: true` (NVIDIA 0.16 and later).

Evidence
    BVLC/caffe#3347, BVLC/caffe#4704, smichalowski/google_inception_v3_for_caffe#2.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.batchnorm import Affine
from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.names import Names
from protolint.net.net import Net

from ._affine import scale_below, set_field
from ._layers import named


@net_rule(
    "BN019",
    "bn-without-affine",
    Severity.WARNING,
    where=lambda caffe: caffe.has_plain_batchnorm,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    names: Names | None = None
    for layer in net.batchnorms:
        readers = [r for view in net.views_of(layer, "TRAIN") for r in view.readers(layer)]
        cut = next((r for r in readers if r.type in ("ReLU", "PReLU", "ELU")), None)
        if cut is None or any(reader.type in ("Scale", "Bias") for reader in readers):
            continue
        if net.traits(layer).affine:
            continue
        names = names or Names(layer.name for layer in net.layers)
        yield Finding(
            layer.head,
            f"{named(layer)}: normalised values go into {cut.type} without scale and shift; "
            f"add {_cure(net, layer)}",
            layer=layer.name,
            related=(Label(cut.head, "read here"),),
            fix=_fix(net, layer, names),
        )


def _field(net: Net, layer: Layer) -> str:
    """Return the field that gives a layer gamma and beta, if its engine can have them."""
    return net.dialect.affine_field if net.traits(layer).kind.affine is not Affine.NEVER else ""


def _cure(net: Net, layer: Layer) -> str:
    field = _field(net, layer)
    if field:
        return f"{field}: true"
    if net.dialect.has_scale_layer:
        return "a Scale layer with bias_term: true"
    return "engine: CUDNN with scale_filler and bias_filler"


def _fix(net: Net, layer: Layer, names: Names) -> Fix | None:
    field = _field(net, layer)
    if field:
        edit = set_field(net, layer, "batch_norm_param", field, "true")
        return Fix(f"Turn {field} on", (edit,), Applicability.UNSAFE)
    if not net.dialect.has_scale_layer:
        return None
    below = scale_below(net, layer, ["bias_term: true"], names)
    return Fix("Add a Scale layer", below, Applicability.UNSAFE) if below is not None else None


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  # statistics only
}
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
        (2,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  # statistics only
}
layer {
  name: "bn_scale"
  type: "Scale"
  bottom: "y"
  top: "y"
  scale_param {
    bias_term: true
  }
}
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
    ),
)
