"""Two layers with weights that have one name in one state.

What it does
    Reports a layer with weights whose name another layer with weights has already, where one
    state of the net keeps both.

Why it matters
    Nothing checks names when a net is built, and weights are loaded by name: the first of
    the layers gets the weights of the last, the others keep their initial values, without a
    message. If they differ in the number of blobs, loading a snapshot of the net aborts;
    HDF5 snapshots fail in any case.

Which Caffe
    All. TRAIN and TEST twins of one layer, and layers without weights, may share a name.

Fix
    Unsafe: gives the layer a name of its own, unless there are twins with that name in other
    states. A file of weights still has the old one.

Evidence
    BVLC/caffe#7043; seen in BVLC master and NVIDIA 0.14.5 to 0.17.4.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import learnable_blobs
from protolint.net.net import Net
from protolint.source import Span
from protolint.text.tree import Scalar
from protolint.text.write import quote, replace_value

from ._layers import named


@net_rule("NT005", "duplicate-layer-name", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    names = [layer.name for layer in net.layers]
    if len(set(names)) == len(names):
        return
    uses = Counter(names)
    groups: defaultdict[str, list[Layer]] = defaultdict(list)
    for layer in net.layers:
        if uses[layer.name] > 1 and learnable_blobs(net, layer):
            groups[layer.name].append(layer)
    reported: set[int] = set()
    for view in net.views:
        for group in groups.values():
            alike = [layer for layer in group if layer in view]
            for number, layer in enumerate(alike[1:], 2):
                if layer.index in reported:
                    continue
                reported.add(layer.index)
                first = _place(alike[0])
                yield Finding(
                    _place(layer),
                    f"{named(layer)}: name already used at line "
                    f"{net.source.line_number(first.start)}; loaded weights go to the first layer "
                    "only",
                    layer=layer.name,
                    related=(Label(first, "first used here"),),
                    fix=_fix(uses, layer, number) if len(alike) == len(group) else None,
                )


def _place(layer: Layer) -> Span:
    """Where a layer's name stands, or the layer's head if it has none."""
    node = layer.message.node_of("name")
    return node.span if node is not None else layer.head


def _fix(uses: Counter[str], layer: Layer, number: int) -> Fix | None:
    """Another name for the layer that is the `number`th with this one."""
    node = layer.message.node_of("name")
    if not isinstance(node, Scalar) or not layer.name:
        return None
    name = f"{layer.name}_{number}"
    while name in uses:
        number += 1
        name = f"{layer.name}_{number}"
    edit = replace_value(node, quote(name))
    return Fix(f"Rename the layer to '{name}'", (edit,), Applicability.UNSAFE)


def _layer(type: str, name: str = "a", more: str = "") -> str:
    return f'layer {{\n  name: "{name}"\n  type: "{type}" bottom: "x" {more}\n}}\n'


INVALID = (
    Invalid(
        "bvlc",
        _layer("Convolution") + _layer("Convolution"),
        (6,),
        fixed=_layer("Convolution") + _layer("Convolution", "a_2"),
    ),
)
