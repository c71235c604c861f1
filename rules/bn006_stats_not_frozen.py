"""A BatchNorm of NVIDIA 0.14 or 0.15 whose statistics are left to weight decay.

What it does
    Reports a BatchNorm, active in training, one of whose statistics has neither `lr_mult: 0`
    nor `decay_mult: 0`: blobs 2 and 3 in NVIDIA 0.15, blobs 3 and 4 in 0.14 on cuDNN, blobs 0 to
    2 in 0.14 with `engine: CAFFE`. A blob without a `param` block has both at 1.

Why it matters
    Nothing protects the statistics from the solver. They have no gradient, but weight decay
    shrinks them in each step: at a rate of 0.1, a decay of 5e-4 and a momentum of 0.9 the
    variance settles a third too low. Training goes on as if nothing were wrong, and tests get
    another net.

Which Caffe
    NVIDIA 0.14 and 0.15. BVLC from rc4 and NVIDIA from 0.16 on mask the statistics. In 0.14
    with `engine: CAFFE` sums and factor shrink by one share as long as none of the three is
    masked, so that is reported as advice. A solver without `weight_decay` does no harm. The one
    blob that nothing uses (4 in 0.15, 2 in 0.14) needs no block. BN007 stands in for three
    zero blocks. Source: LayerSetUp of batch_norm_layer.cpp and cudnn_batch_norm_layer.cpp,
    SGDSolver::Regularize @ v0.14.5, v0.15.14.

Fix
    Safe: sets both multipliers to 0 at the statistics and adds the blocks that are missing;
    what is there for gamma and beta stays, and they get `lr_mult: 1` where they have none.

Evidence
    NVIDIA/DIGITS#629, yjxiong/caffe#25, BVLC/caffe#4704, #5120; observed on 0.15 (a variance of
    2.65 instead of 3.98 after 12 000 steps) and on 0.14 with `engine: CAFFE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Edit, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.write import append_field
from protolint.words import joined

from ._layers import named
from ._statistics import STATISTICS, ZEROS, BlobSetting, blob_settings, is_bvlc_idiom, mask


@net_rule(
    "BN006",
    "stats-not-frozen",
    Severity.WARNING,
    where=lambda caffe: not caffe.masks_statistics,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    if net.solver is not None and net.solver.message.number("weight_decay") == 0:
        return
    for layer in net.batchnorms:
        settings = blob_settings(net, layer)
        bare = [blob for blob in settings if blob.role in STATISTICS and blob.decay != 0]
        if not bare or is_bvlc_idiom(net, layer) or not net.is_active(layer, "TRAIN"):
            continue
        param = bare[0].param
        shrink_alike = settings[2].role == "factor" and len({blob.decay for blob in settings}) == 1
        yield Finding(
            param.span if param is not None else layer.head,
            f"{named(layer)}: {_message(bare)}",
            layer=layer.name,
            fix=_fix(net, layer, settings),
            severity=Severity.INFO if shrink_alike else None,
        )


def _message(bare: list[BlobSetting]) -> str:
    roles, numbers = joined(b.role for b in bare), joined(str(b.number) for b in bare)
    are, them, blobs = ("is", "it", "blob") if len(bare) == 1 else ("are", "them", "blobs")
    return (
        f"{roles} {are} not masked, weight decay will shrink {them}; "
        f"set lr_mult: 0 decay_mult: 0 for {blobs} {numbers}"
    )


def _fix(net: Net, layer: Layer, settings: list[BlobSetting]) -> Fix:
    last = max(blob.number for blob in settings if blob.role in STATISTICS)
    edits: list[Edit] = []
    missing = []
    for blob in settings[: last + 1]:
        if blob.param is None:
            missing.append("param { lr_mult: 1 }" if blob.role in ("gamma", "beta") else ZEROS)
        elif blob.role in STATISTICS and blob.decay != 0:
            edits += mask(net, blob.param)
    if missing:
        edits.append(append_field(net.source, layer.node, missing))
    return Fix("Mask the statistics", tuple(edits))


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
}
""",
        (2,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
    ),
)
