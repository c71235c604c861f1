"""A bias that the BatchNorm below takes away again.

What it does
    Reports a Convolution, Deconvolution or InnerProduct with a bias whose output goes into a
    BatchNorm and nowhere else, in training.

Why it matters
    BatchNorm subtracts the mean of each channel, and the bias with it: it changes nothing, its
    gradient is 0, and it costs a blob. Harmless, hence advice only.

Which Caffe
    All. A BatchNorm that obeys `use_global_stats: true` subtracts a stored mean instead of the
    batch's, so that the bias counts: no finding there. Source: Forward of batch_norm_layer.cpp;
    NVIDIA's own model files say `bias_term: false` throughout (models @ caffe-0.17).

Fix
    Unsafe, as weights with the bias no longer fit: `bias_term: false`, without the bias filler
    and the second `param` block.

Evidence
    hujie-frank/SENet#26, soeaver/caffe-model#49, allenai/allennlp#4990.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Edit, Fix, LaterEdits
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.text.tree import Node
from protolint.text.write import delete_fields

from ._affine import set_field, uses_stored_statistics
from ._layers import named

_FIELDS = {
    name: ALL_TYPES[name].parameters[0] for name in ("Convolution", "Deconvolution", "InnerProduct")
}


@net_rule("BN022", "redundant-conv-bias", Severity.INFO, types=("BatchNorm",))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(_FIELDS) if net.batchnorms else ():
        field = _FIELDS[layer.type]
        if layer.generation != 2 or not _has_channel_bias(net, layer):
            continue
        batchnorm = _only_reader(net, layer)
        if batchnorm is None or uses_stored_statistics(net, batchnorm):
            continue
        parameter = layer.parameter(field)
        node = None
        if parameter is not None and "bias_term" in parameter:
            node = parameter.node_of("bias_term")
        yield Finding(
            node.span if node is not None else layer.head,
            f"{named(layer)}: the bias is cancelled by '{batchnorm.name}'; "
            "write bias_term: false to save a blob",
            layer=layer.name,
            related=(Label(batchnorm.head, "subtracts the mean"),),
            fix=_fix(net, layer, field),
        )


@layer_fact
def _has_channel_bias(_net: Net, layer: Layer) -> bool:
    """Whether there is a bias, one for each channel that BatchNorm sees."""
    parameter = layer.parameter(_FIELDS[layer.type])
    if parameter is None:
        return True
    return parameter.flag("bias_term") and parameter.integer("axis") == 1


def _only_reader(net: Net, layer: Layer) -> Layer | None:
    """Return the BatchNorm that trains on a layer, if only it and its twin read that."""
    found = None
    for view in net.views_of(layer):
        for top in view.tops[layer.index]:
            readers = top.readers
            if len(readers) != 1 or readers[0].type != "BatchNorm":
                return None
            if found is None and readers[0].runs_as(view.state) == "TRAIN":
                found = readers[0]
    return found


def _fix(net: Net, layer: Layer, field: str) -> Fix | None:
    if _lists_blocks(net, layer):
        return None
    edits = LaterEdits(_without_bias, net, layer, field)
    return Fix("Leave the bias out", edits, Applicability.UNSAFE)


@layer_fact
def _lists_blocks(_net: Net, layer: Layer) -> bool:
    """Whether some `param` blocks stand in a list."""
    return len(_blocks(layer)) != len(layer.message.given.get("param", ()))


def _blocks(layer: Layer) -> list[Node]:
    return [node for node in layer.node.children if node.name == "param"]


def _without_bias(net: Net, layer: Layer, field: str) -> list[Edit]:
    parameter = layer.parameter(field)
    inside = parameter.node.children if parameter is not None and parameter.node is not None else ()
    fillers = [node for node in inside if node.name == "bias_filler"]
    off = set_field(net, layer, field, "bias_term", "false")
    return [off, *delete_fields(net.source, [*_blocks(layer)[1:], *fillers])]


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 8 }
}
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c"  }
layer { name: "r" type: "ReLU" bottom: "c" top: "r" }
""",
        (2,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 8 bias_term: false }
}
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c"  }
layer { name: "r" type: "ReLU" bottom: "c" top: "r" }
""",
    ),
)
