"""A BatchNorm below a blob with a number of axes that it cannot take.

What it does
    Follows the bottom of a BatchNorm up to the layer or the input that gives the blob its
    shape, and reports a number of axes that this Caffe's BatchNorm does not take.

Why it matters
    NVIDIA 0.16 and later read axes 2 and 3: below an InnerProduct, a Flatten or a Reshape to
    fewer than four axes set-up aborts with `axis 2 out of range for 2-D Blob`. A fifth axis
    aborts with cuDNN and gives NaN or wrong values without it, since no bound is checked.

Which Caffe
    NVIDIA 0.16 and later take four axes only. BVLC and NVIDIA 0.14 take two or more, 0.15 takes
    one or more; cuDNN takes four at most. Global pooling keeps four axes. Blobs whose axes the
    net does not decide are left alone. Source: LayerSetUp and Reshape of batch_norm_layer.cpp
    and cudnn_batch_norm_layer.cpp @ BVLC 1.0, NVIDIA v0.14.5 to v0.17.4.

Evidence
    NVIDIA/caffe#518, NVIDIA/caffe#592.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.init import construction
from protolint.net.net import Net

from ._construction import findings
from ._layers import named

#: Native BatchNorm that reads four axes takes more, and computes something else.
_MOST = 4


@net_rule("BN018", "bn-needs-four-axes", Severity.ERROR, types=("BatchNorm",))
def check(net: Net) -> Iterator[Finding]:
    yield from findings(net, Kind.BATCHNORM_AXES)
    if net.dialect.least_axes != _MOST:
        return
    native = [layer for layer in net.batchnorms if net.traits(layer).engine != "CUDNN"]
    seen: set[int] = set()
    for view in net.views if native else ():
        known = construction(net, view).shapes
        for layer in native:
            version = view.bottom(layer)
            axes = known[version].axes if version is not None else None
            if axes is None or axes <= _MOST or layer.index in seen:
                continue
            seen.add(layer.index)
            bottom = layer.bottoms[0]
            yield Finding(
                bottom.span,
                f"{named(layer)}: {net.dialect.name} needs four axes here and '{bottom.name}' has "
                f"{axes}; reshape to N×C×D×(H·W)",
                layer=layer.name,
            )


VALID = (
    Example(
        "nvidia-0.17",
        """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "l" type: "Python" bottom: "x" top: "a"  }
layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "a" top: "y"
  batch_norm_param {  }
}
""",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "l" type: "Embed" bottom: "x" top: "a" embed_param { num_output: 8 input_dim: 9 } }
layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "a" top: "y"
  batch_norm_param {  }
}
""",
        (7,),
    ),
)
