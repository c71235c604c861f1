"""An in-place layer over memory that another layer reads under another name.

What it does
    Reports an in-place layer behind a Reshape or Flatten whose input is read again further down:
    by an Eltwise with a shortcut, a second branch, a loss. That layer reads what the in-place
    layer left there.

Why it matters
    Reshape and Flatten do not copy: bottom and top are one piece of memory, and so are the blobs of
    all readers of that bottom. `sum = x + bn(x)` becomes `bn(x) + bn(x)`. Nothing says so, in
    training or testing.

Which Caffe
    All. A reader that comes before the in-place layer is right; so is one of the blob itself,
    for which Caffe aborts where it would not be. Dropout does nothing when testing.

Fix
    Safe: gives the in-place layer a top of its own and renames that blob for the layers below.

Evidence
    `top[0]->ShareData(*bottom[0])` in reshape_layer.cpp, flatten_layer.cpp and split_layer.cpp
    @ 1.0, v0.15.14, v0.17.4; run in protolint's executor, which shares memory as these do.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.memory import memory
from protolint.net.net import TEST, Net

from ._inplace import own_top
from ._layers import named

#: In-place layers that leave their bottom as it is in TEST.
_IDLE_IN_TEST = "Dropout"


@net_rule("NT040", "inplace-clobbers-alias", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    reported: set[int] = set()
    for view in net.views:
        for layer, index, reader, blob in memory(net, view).overwritten:
            idle = layer.type == _IDLE_IN_TEST and view.state.phase == TEST
            if layer.index in reported or idle:
                continue
            reported.add(layer.index)
            top = layer.tops[index]
            yield Finding(
                top.span,
                f"{named(layer)}: overwrites '{blob}', which is the same memory and which"
                f" '{named(reader)}' reads afterwards; write to a new blob",
                layer=layer.name,
                related=(Label(reader.head, f"reads '{blob}'"),),
                fix=own_top(net, layer, index),
            )


INVALID = (
    Invalid(
        "bvlc",
        """\
input: "data" input_dim: [4, 8, 1, 1]
layer { name: "fc" type: "ReLU" bottom: "data" top: "fc" }
layer { name: "r" type: "Reshape" bottom: "fc" top: "r" }
layer { name: "bn" type: "BatchNorm" bottom: "r" top: "r" }
layer { name: "b" type: "Flatten" bottom: "r" top: "b" }
layer { name: "sum" type: "Eltwise" bottom: "fc" bottom: "b" top: "sum" }
""",
        (4,),
        fixed="""\
input: "data" input_dim: [4, 8, 1, 1]
layer { name: "fc" type: "ReLU" bottom: "data" top: "fc" }
layer { name: "r" type: "Reshape" bottom: "fc" top: "r" }
layer { name: "bn" type: "BatchNorm" bottom: "r" top: "bn" }
layer { name: "b" type: "Flatten" bottom: "bn" top: "b" }
layer { name: "sum" type: "Eltwise" bottom: "fc" bottom: "b" top: "sum" }
""",
    ),
)
