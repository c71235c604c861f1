"""`param` blocks on BatchNorm statistics that make BVLC Caffe abort.

What it does
    Reports a BatchNorm with one, two or more than three `param` blocks, one of whose first
    three has an `lr_mult` other than 0; a block without `lr_mult` has 1.

Why it matters
    The blobs of BVLC's BatchNorm are statistics, not weights. Set-up checks that no solver
    touches them and aborts: `Cannot configure batch normalization statistics as layer
    parameters.`

Which Caffe
    BVLC from rc4 on, and SSD's Caffe, in every phase; Intel's with engine MKL2017 or MKLDNN.
    Exactly three blocks are set to 0 without a word when the file is read, but not in a net that
    stands inside a solver (`net_param`, `train_net_param`), and not by Intel's Caffe: there three
    blocks abort as well. Source: LayerSetUp of batch_norm_layer.cpp and UpgradeNetBatchNorm of
    upgrade_proto.cpp @ rc4 to master, mkldnn_batch_norm_layer.cpp @ intel/caffe 1.1.6.

Fix
    Safe: deletes the blocks, or sets both multipliers to 0 where a block has a name or others
    are for gamma and beta.

Evidence
    ZhaofanQiu/pseudo-3d-residual-networks#19, nshaud/DeepNetsForEO#6, BVLC/caffe#4704, #4785.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.batchnorm import Affine
from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.init import faults_of
from protolint.net.net import Net

from ._layers import named
from ._statistics import freezing

_STATISTICS = 3


@net_rule(
    "BN005",
    "stats-lr-aborts",
    Severity.ERROR,
    where=lambda caffe: caffe.checks_statistics_lr,
    faults=(Kind.STATISTICS,),
)
def check(net: Net) -> Iterator[Finding]:
    for fault, _ in faults_of(net, Kind.STATISTICS):
        layer = fault.layer
        if layer is not None:
            cure = "set it to 0" if _learns(net, layer) else "remove the param blocks"
            yield Finding(
                fault.span,
                f"{named(layer)}: {fault.message} aborts in {net.dialect.name}; {cure}",
                layer=layer.name,
                fix=_fix(net, layer),
            )


def _learns(net: Net, layer: Layer) -> bool:
    """Return whether some block is for gamma or beta, which Intel's Caffe may have here."""
    return net.traits(layer).kind.affine is not Affine.NEVER and len(layer.params) > _STATISTICS


def _fix(net: Net, layer: Layer) -> Fix | None:
    if _learns(net, layer):
        return freezing(net, layer.params[:_STATISTICS], removable=False)
    return freezing(net, layer.params)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "data"
  top: "bn"
  param { lr_mult: 0 }
  param { lr_mult: 1 }  # beta
}
""",
        (8,),
        fixed="""\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "data"
  top: "bn"
}
""",
    ),
)
