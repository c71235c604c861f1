"""Stored statistics used in training although nothing has stored any.

What it does
    Reports `use_global_stats: true` on a BatchNorm that is active in training where all else
    speaks of training from scratch: the nearest Convolution, Deconvolution or InnerProduct
    above has a `weight_filler` and learns, and the Scale that follows is missing or learns.

Why it matters
    The statistics of a new layer are empty, so it divides by the root of `eps`: activations
    grow 316 times in each such layer, and the loss stands at 87.3 or becomes NaN. The
    statistics stay empty, since the setting also stops their update.

Which Caffe
    BVLC, and NVIDIA 0.14 and 0.15 with `engine: CAFFE`; elsewhere the setting is ignored
    (BN011). It is right for fine-tuning: this rule is silent where the solver names weights,
    with --fine-tune, where the Scale or the layer above is frozen, and in a net without a loss,
    which is only run. Source: Forward of batch_norm_layer.cpp
    @ rc3 to master, v0.14.5, v0.15.14.

Fix
    Unsafe: deletes the setting. In a net that starts from weights it belongs there.

Evidence
    shicai/MobileNet-Caffe#64, apache/mxnet#13902; right in sfzhang15/RefineDet#45 and
    weiliu89/caffe#138. Observed: 316 times in each layer, NaN within four steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix, LaterEdits
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import learns, may_train
from protolint.net.net import TRAIN, Net
from protolint.net.pairing import scale_reading
from protolint.net.view import View
from protolint.text.write import delete_fields

from ._affine import uses_stored_statistics
from ._layers import named
from ._statistics import global_stats
from ._twins import swapped_twins

_FILLED = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}


@net_rule(
    "BN013",
    "frozen-stats-from-scratch",
    Severity.WARNING,
    where=lambda caffe: caffe.obeys_global_stats,
    words=("use_global_stats",),
)
def check(net: Net) -> Iterator[Finding]:
    stored = [
        layer
        for layer in net.batchnorms
        if uses_stored_statistics(net, layer) and net.views_of(layer, TRAIN)
    ]
    if not stored or net.fine_tunes:
        return
    swapped = {pair.train.index for pair in swapped_twins(net)}
    nearest: dict[int, dict[int, Layer]] = {}
    for layer in stored:
        view = net.views_of(layer, TRAIN)[0]
        node = global_stats(net, layer, True)
        if node is None or layer.index in swapped:
            continue
        if id(view) not in nearest:
            nearest[id(view)] = _nearest_weights(view)
        above, scale = nearest[id(view)].get(layer.index), scale_reading(view, layer)
        if above is None or not _starts_fresh(above) or (scale and not learns(net, scale)):
            continue
        if not may_train(net, view):
            continue  # Without a loss nothing is trained.
        yield Finding(
            node.span,
            f"{named(layer)}: stored statistics are used from the first step, so without weights "
            "they are never those of the data; remove use_global_stats, or check with --fine-tune "
            "if training starts from weights",
            layer=layer.name,
            fix=Fix(
                "Use the statistics of the batch",
                LaterEdits(delete_fields, net.source, [node]),
                Applicability.UNSAFE,
            ),
        )


def _nearest_weights(view: View) -> dict[int, Layer]:
    """For each layer, the one with weights at the head of its shape-keeping chain."""
    found: dict[int, Layer] = {}
    for layer in view.layers:
        known = ALL_TYPES.get(layer.type)
        if layer.type in _FILLED:
            found[layer.index] = layer
        elif known is not None and known.keeps_shape:
            version = view.bottom(layer)
            producer = version.producer if version is not None else None
            if producer is not None and producer.index in found:
                found[layer.index] = found[producer.index]
    return found


def _starts_fresh(layer: Layer) -> bool:
    param = layer.parameter(_FILLED[layer.type])
    learns = not layer.params or layer.params[0].lr_mult != 0
    return learns and param is not None and "weight_filler" in param


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { weight_filler { type: "msra" } }
}
layer { name: "relu" type: "Pooling" bottom: "conv" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param { use_global_stats: true }
}
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "data" }
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { weight_filler { type: "msra" } }
}
layer { name: "relu" type: "LRN" bottom: "conv" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param { use_global_stats: true }
}
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "data" }
""",
        (9,),
    ),
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { weight_filler { type: "msra" } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param { use_global_stats: true }
}
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "data" }
""",
        (9,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { weight_filler { type: "msra" } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param { }
}
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "data" }
""",
    ),
)
