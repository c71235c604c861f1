"""An in-place layer on a blob that another layer reads too.

What it does
    Reports a layer that overwrites a blob which a layer above it reads as well. A layer that
    takes the blob twice, and a `loss_weight` on the blob, count as readers too.

Why it matters
    Caffe puts a Split behind a blob with several readers. The split renames the bottom of the
    in-place layer and not its top, and net construction aborts: `Top blob '...' produced by
    multiple sources.`

Which Caffe
    All. Layers below the in-place one read what it writes, and are right; so are readers in
    another state.

Fix
    Safe: gives the in-place layer a top of its own and renames that blob for the layers
    below. Names of blobs seen from outside the net change.

Evidence
    BVLC/caffe#2015; insert_splits.cpp and Net::AppendTop of every branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View

from ._inplace import own_top
from ._layers import named


@net_rule("NT003", "inplace-fanout", Severity.ERROR, faults=(Kind.DUPLICATE_TOP,))
def check(net: Net) -> Iterator[Finding]:
    reported: set[int] = set()
    for view in net.views:
        for number in sorted(view.contested):
            layer = net.layers[number]
            for index, lost in view.lost(layer):
                other = _other_reader(view, layer, lost)
                if other is None or layer.index in reported:
                    continue
                reported.add(layer.index)
                yield _finding(net, layer, index, lost.name, other)


def _finding(net: Net, layer: Layer, index: int, blob: str, other: Layer) -> Finding:
    place = next((bottom for bottom in other.bottoms if bottom.name == blob), None)
    if place is not None:
        what, label = "also reads", Label(place.span, "read here")
    else:
        what, label = "makes a loss of", Label(other.head, "loss_weight counts as a reader")
    return Finding(
        layer.tops[index].span,
        f"{named(layer)}: '{named(other)}' {what} '{blob}', so it cannot be overwritten in place; "
        "give the top a name of its own",
        layer=layer.name,
        related=(label,),
        fix=own_top(net, layer, index),
    )


def _other_reader(view: View, layer: Layer, version: BlobVersion) -> Layer | None:
    """Who else makes Caffe split a blob: a reader, or its producer by a loss_weight."""
    if len(version.readers) > 1:
        return next((reader for reader in version.readers if reader is not layer), layer)
    producer = version.producer
    if producer is not None:
        weights = producer.message.numbers("loss_weight")
        at = view.tops[producer.index].index(version)
        if at < len(weights) and weights[at] != 0:
            return producer
    return None


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "s" type: "Silence" bottom: "p" bottom: "c" }
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" }
layer { name: "r" type: "ReLU" bottom: "c" top: "r" }
layer { name: "s" type: "Silence" bottom: "p" bottom: "r" }
""",
    ),
)
