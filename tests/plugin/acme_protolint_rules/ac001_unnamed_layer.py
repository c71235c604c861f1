"""A layer that has weights and no name.

What it does
    Reports a layer with weights whose `name` is missing or empty.

Why it matters
    Weights are matched to layers by name alone, so two such layers cannot be distinguished.

Which Caffe
    All.

Evidence
    Acme's nets are put together by scripts, one of which forgot the names.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

WITH_WEIGHTS = {"BatchNorm", "Convolution", "Deconvolution", "InnerProduct", "PReLU", "Scale"}


@net_rule("AC001", "unnamed-layer", Severity.WARNING)
def check(net: Net) -> Iterator[Finding]:
    """Look at each layer of a net."""
    for layer in net.layers:
        if layer.type in WITH_WEIGHTS and not layer.name:
            yield Finding(layer.head, f"{layer.type}: it has weights and no name; add one")


VALID = (
    Example("bvlc", 'input: "x" layer { name: "c" type: "Convolution" bottom: "x" top: "c" }'),
)
INVALID = (Invalid("bvlc", 'layer { type: "Convolution" bottom: "x" top: "c" }\n', lines=(1,)),)
