"""Multipliers of gamma and beta that NVIDIA 0.16 and later override.

What it does
    Reports a BatchNorm with gamma and beta, active in training, whose fourth or fifth `param`
    block has an `lr_mult` or `decay_mult` other than 1.

Why it matters
    Set-up writes 1 over both multipliers of both blobs without a word. Gamma and beta cannot
    be frozen that way, nor spared weight decay, nor given a rate of their own.

Which Caffe
    NVIDIA 0.16 and later. The list of 0.15 (gamma and beta first with a rate, then 0 for the
    statistics) is let pass: what set-up makes of it is what it says. To freeze gamma and
    beta, leave them out of the layer and put a Scale with multipliers of its own behind it.
    Source: LayerSetUp of batch_norm_layer.cpp @ v0.16.1 to v0.17.4.

Evidence
    NVIDIA/caffe#279; observed: rates of 0, 1 and 5 train alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.layer import ParamSpec
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named
from ._statistics import blob_settings


@net_rule(
    "BN009",
    "affine-multipliers-overridden",
    Severity.WARNING,
    where=lambda caffe: caffe.forces_affine_multipliers,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        if len(layer.params) < 4 or _is_order_of_15(layer.params):
            continue
        param = next(
            (
                blob.param
                for blob in blob_settings(net, layer)
                if blob.role in ("gamma", "beta") and (blob.lr_mult, blob.decay_mult) != (1, 1)
            ),
            None,
        )
        if param is None or not net.is_active(layer, "TRAIN"):
            continue
        yield Finding(
            param.span,
            f"{named(layer)}: {net.dialect.name} resets lr_mult and decay_mult of gamma and beta "
            "to 1; remove these multipliers",
            layer=layer.name,
        )


def _is_order_of_15(params: list[ParamSpec]) -> bool:
    gamma, beta, mean, variance = (param.lr_mult for param in params[:4])
    return gamma != 0 and beta != 0 and mean == 0 and variance == 0


VALID = (
    Example(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param { scale_bias: true }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param { scale_bias: true }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
        (8,),
    ),
)
