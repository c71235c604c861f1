"""A blob that two layers write in one state, the second not in place.

What it does
    Reports a top that a layer above, or an input of the net, has written already, unless the
    layer takes that blob as the bottom at the same place and so works in place.

Why it matters
    Net construction aborts: `Top blob '...' produced by multiple sources.`

Which Caffe
    All. Writers that exist in different states (a data layer for each phase) are right.

Evidence
    Net::AppendTop (src/caffe/net.cpp) of every branch; seen in BVLC master and NVIDIA 0.14.5,
    0.15.14, 0.16.6 and 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.view import BlobVersion

from ._layers import named


@net_rule("NT002", "duplicate-top", Severity.ERROR, faults=(Kind.DUPLICATE_TOP,))
def check(net: Net) -> Iterator[Finding]:
    reported: set[int] = set()
    for view in net.views:
        for layer, index, before in view.clashes:
            if layer.index in reported:
                continue
            reported.add(layer.index)
            first = _origin(before).producer
            related: tuple[Label, ...] = ()
            if first is not None:
                top = next(top for top in first.tops if top.name == before.name)
                related = (Label(top.span, "first written here"),)
            yield Finding(
                layer.tops[index].span,
                f"{named(layer)}: '{before.name}' is already written by "
                f"'{named(first) if first is not None else 'input'}'; {_advice(layer, first)}",
                layer=layer.name,
                related=related,
            )


def _advice(layer: Layer, first: Layer | None) -> str:
    if first is not None and not (layer.bottoms or first.bottoms):
        return "give each data layer the include { phase: ... } or { stage: ... } it is for"
    return "give the top a name of its own"


def _origin(version: BlobVersion) -> BlobVersion:
    """Return the version that in-place layers made this one of."""
    while version.overwritten is not None:
        version = version.overwritten
    return version


_CONV = 'layer {\n  name: "%s" type: "Convolution" bottom: "%s"\n  top: "%s"\n  %s\n}\n'
VALID = (Example("bvlc", _CONV % ("a", "x", "a", "") + _CONV % ("b", "a", "b", "")),)
INVALID = (Invalid("bvlc", _CONV % ("a", "x", "y", "") + _CONV % ("b", "x", "y", ""), (8,)),)
