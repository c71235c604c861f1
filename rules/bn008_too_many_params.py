"""More `param` blocks than the BatchNorm layer has blobs.

What it does
    Reports a BatchNorm with more `param` blocks than blobs: more than three for BVLC, for
    NVIDIA 0.14 with `engine: CAFFE` and for NVIDIA 0.16 and later without scale and bias, more
    than five elsewhere.

Why it matters
    The net aborts when it is built: `Too many params specified for layer ...`. The typical
    case is a layer of NVIDIA 0.15 with its four blocks, pasted into a net for BVLC.

Which Caffe
    All. In BVLC the check of BN005 comes first, so Caffe names only that one.

Fix
    Deletes the surplus blocks: safe where they hold only zeros, else unsafe.

Evidence
    The check in Net::AppendParam (src/caffe/net.cpp) of every branch; NVIDIA/caffe#276.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.init import faults_of
from protolint.net.net import Net

from ._construction import is_batchnorm
from ._layers import delete_params, named


@net_rule("BN008", "too-many-params", Severity.ERROR, faults=(Kind.PARAMS,))
def check(net: Net) -> Iterator[Finding]:
    for fault, _ in faults_of(net, Kind.PARAMS):
        layer = fault.layer
        if layer is None or not is_batchnorm(fault):
            continue
        given, blobs = len(layer.params), len(net.traits(layer).blobs)
        surplus = layer.params[blobs:]
        zeros = all(param.lr_mult == 0 and param.decay_mult == 0 for param in surplus)
        yield Finding(
            fault.span,
            f"{named(layer)}: {given} param blocks for {blobs} blobs; the net aborts; "
            f"remove {given - blobs}",
            layer=layer.name,
            fix=delete_params(
                net,
                surplus,
                "Remove the surplus param blocks",
                Applicability.SAFE if zeros else Applicability.UNSAFE,
            ),
        )


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
        (7,),
        fixed="""\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
    ),
)
