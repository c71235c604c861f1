"""A BatchNorm with scale and shift over one channel, which NVIDIA 0.16 and later scramble.

What it does
    Reports a BatchNorm that holds gamma and beta itself and whose bottom has one channel, by
    the `num_output` or the declared shape it comes from.

Why it matters
    Loading looks at the last of five blobs: with one value it must be the unused blob of 0.15,
    so the blobs are put in the order of 0.16. With one channel every blob has one value: mean,
    variance, 1, gamma, beta come back as 1, gamma, beta, mean, variance. Snapshots, resumed
    training and deploy nets all read wrong numbers, without a message.

Which Caffe
    NVIDIA 0.16 and later, every load of a binary file. HDF5 files are read as they are:
    `snapshot_format: HDF5` avoids it. Three blobs, and two or more channels, are right. Source:
    Net::CopyTrainedLayersFrom in net.cpp @ v0.16.1 to v0.17.4.

Fix
    Unsafe, as the blobs change: a BatchNorm without scale and shift, and a Scale below it with
    the same fillers.

Evidence
    Save, load and resume on v0.16.6 and v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.names import Names
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.text.tree import Node
from protolint.text.write import delete_fields

from ._affine import scale_below
from ._layers import named

_FIELDS = ("scale_bias", "scale_filler", "bias_filler")


@net_rule(
    "BN029",
    "one-channel-scale-bias",
    Severity.ERROR,
    where=lambda caffe: caffe.loading.reorders,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    affine = [layer for layer in net.batchnorms if net.traits(layer).affine]
    found: dict[int, Layer] = {}
    for view in net.views if affine else ():
        known = shapes(net, view)
        for layer in affine:
            version = view.bottom(layer)
            if version is not None and known[version].channels == 1:
                found.setdefault(layer.index, layer)
    names = Names(layer.name for layer in net.layers if found)
    for layer in found.values():
        fields = _nodes(layer)
        yield Finding(
            fields[0].span,
            f"{named(layer)}: one channel with scale and shift; {net.dialect.name} scrambles the "
            "five blobs at each load; use a Scale layer or HDF5 snapshots",
            layer=layer.name,
            fix=_fix(net, layer, names),
        )


def _nodes(layer: Layer) -> list[Node]:
    """Return the fields that turn scale and shift on."""
    parameter = layer.parameter("batch_norm_param")
    nodes = [parameter.node_of(field) for field in _FIELDS] if parameter is not None else []
    return [node for node in nodes if node is not None]


def _fix(net: Net, layer: Layer, names: Names) -> Fix | None:
    """Return moves gamma and beta to a Scale; not in place on CAFFE, which needs them (BN002)."""
    if layer.is_in_place() and net.traits(layer).engine == "CAFFE":
        return None
    surplus = [param.message.node for param in layer.params[3:] if param.message.node is not None]
    if any(node.in_list for node in surplus):
        return None
    fillers = {
        node.name: " ".join(net.source.decode(node.value_start, node.end).split())
        for node in _nodes(layer)
        if node.name != "scale_bias"
    }
    fields = [f"filler {fillers['scale_filler']}"] if "scale_filler" in fillers else []
    fields.append("bias_term: true")
    fields += [f"bias_filler {fillers['bias_filler']}"] if "bias_filler" in fillers else []
    scale = scale_below(net, layer, fields, names)
    if scale is None or "#" in "".join(fields):
        return None
    edits = (*delete_fields(net.source, [*surplus, *_nodes(layer)]), *scale)
    return Fix("Use a Scale layer", edits, Applicability.UNSAFE)


INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 1 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
  batch_norm_param {
    eps: 1e-4
    scale_bias: true
    scale_filler { value: 1 }
  }
}
""",
        (8,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 1 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
  batch_norm_param {
    eps: 1e-4
  }
}
layer {
  name: "bn_scale"
  type: "Scale"
  bottom: "y"
  top: "y"
  scale_param {
    filler { value: 1 }
    bias_term: true
  }
}
""",
    ),
)
