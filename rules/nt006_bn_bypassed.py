"""A BatchNorm or Scale whose output nobody reads, while its input goes on without it.

What it does
    Reports a BatchNorm or Scale of a training net that writes a blob of its own which no
    layer reads in any state, when a layer below reads its bottom instead.

Why it matters
    Caffe calls a blob without a reader an output of the net and says nothing. The net trains
    without the normalisation that stands in the file, most often because a `bottom` was not
    changed when the layer was put in.

Which Caffe
    All. Deploy nets may end in such a layer.

Evidence
    BVLC/caffe#3090, NVIDIA/DIGITS#629.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import BlobName, Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named


@net_rule("NT006", "bn-bypassed", Severity.WARNING, types=("BatchNorm", "Scale"))
def check(net: Net) -> Iterator[Finding]:
    if net.is_deploy:
        return
    for layer in net.of_types(("BatchNorm", "Scale")):
        if layer.is_in_place() or not layer.tops:
            continue
        found = _other_reader(net, layer)
        if found is None:
            continue
        other, bottom = found
        yield Finding(
            layer.tops[0].span,
            f"{named(layer)}: nobody reads '{layer.tops[0].name}'; "
            f"'{named(other)}' takes '{bottom.name}' instead; read it there",
            layer=layer.name,
            related=(Label(bottom.span, "goes on from here"),),
        )


def _other_reader(net: Net, layer: Layer) -> tuple[Layer, BlobName] | None:
    """Return the layer below that takes the bottom of one that no state reads."""
    views = net.views_of(layer)
    if not layer.bottoms or any(view.readers(layer) for view in views):
        return None
    name = layer.bottoms[0].name
    for view in views:
        version = view.bottom(layer)
        for reader in version.readers if version is not None else ():
            if reader.index > layer.index:
                return reader, next(b for b in reader.bottoms if b.name == name)
    return None


def _net(top: str, reader: str, more: str = "", data: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{data}" top: "data" top: "label" }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" }}
layer {{
  name: "bn"
  type: "BatchNorm"
  bottom: "c"
  top: "{top}"
  {more}
}}
layer {{ name: "ip" type: "InnerProduct" bottom: "{reader}" top: "ip" }}
"""


VALID = (Example("bvlc", _net("bn", "bn")),)
INVALID = (Invalid("bvlc", _net("bn", "c"), (7,)),)
