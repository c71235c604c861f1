"""An `eps` that divides by zero, or that this Caffe does not use.

What it does
    Reports an `eps` of 0 or below where it is used as it stands, and, as advice, one that the
    implementation raises or ignores.

Why it matters
    The deviation is the square root of variance plus `eps`. With 0 a channel that is constant
    in a batch gives NaN and empty statistics give infinity; a negative value gives NaN as
    soon as a variance is below it. A value that is raised only suggests what does not happen.

Which Caffe
    BVLC and the CAFFE engine of NVIDIA 0.14 and 0.15 use what is given, small values too. 0.15
    with cuDNN and NVIDIA 0.16 and later raise it to 1e-5 (0.16.1: to 1e-4), 0.14 with cuDNN
    always has 1e-4. Source: LayerSetUp of batch_norm_layer.cpp and cudnn_batch_norm_layer.cpp
    @ BVLC 1.0, NVIDIA v0.14.5 to v0.17.4.

Fix
    Unsafe: the default 1e-5 for a value that divides by zero, the value in use for one that is
    raised.

Evidence
    apache/mxnet#6176, Tencent/ncnn#303, NVIDIA/DIGITS#629.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.float32 import single
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.text.tree import Block, Scalar
from protolint.text.write import replace_value

from ._layers import named
from ._statistics import node_of, norm_of

#: CUDNN_BN_MIN_EPSILON of cuDNN 4 to 7.0, applied by the CUDNN engine of NVIDIA 0.15.


class _Verdict(NamedTuple):
    eps: float
    effect: str
    instead: str | None
    severity: Severity


@net_rule("BN025", "eps-invalid", Severity.ERROR, words=("eps",))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        verdict = _verdict(net, layer)
        node = node_of(layer, "eps") if verdict is not None else None
        if verdict is None or node is None or not net.keeps(layer):
            continue
        yield Finding(
            node.span,
            f"{named(layer)}: eps {verdict.eps:g} {verdict.effect}",
            layer=layer.name,
            fix=_fix(node, verdict.instead),
            severity=verdict.severity,
        )


@layer_fact
def _verdict(net: Net, layer: Layer) -> _Verdict | None:
    written = norm_of(net, layer).eps
    if written is None:
        return None
    eps = single(written)
    traits = net.traits(layer)
    rule = traits.kind.eps
    if rule.fixed is not None:
        library = "cuDNN" if traits.engine == "CUDNN" else traits.engine
        ignored = f"is ignored, {library} has {_written(rule.fixed)} here; leave it out"
        return _Verdict(eps, ignored, None, Severity.INFO)
    if rule.floor is not None:
        least = _written(rule.floor)
        raised = f"is raised to {least}; write that"
        return _Verdict(eps, raised, least, Severity.INFO) if rule.effective(eps) > eps else None
    if eps > 0:
        return None
    where = f"a variance is below {-eps:g}" if eps < 0 else "a channel is constant in a batch"
    return _Verdict(eps, f"gives NaN where {where}; use 1e-5", "1e-5", Severity.ERROR)


def _written(eps: float) -> str:
    """Return a power of ten as nets write it: `1e-5`."""
    return f"{eps:.0e}".replace("e-0", "e-")


def _fix(node: Block | Scalar, instead: str | None) -> Fix | None:
    if instead is None or not isinstance(node, Scalar):
        return None
    return Fix(f"Write {instead}", (replace_value(node, instead),), Applicability.UNSAFE)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: 0.0
  }
}
""",
        (5,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: 1e-5
  }
}
""",
    ),
)
