"""A TRAIN and a TEST layer that stand in for each other under two names.

What it does
    Reports two BatchNorm layers, or two Scale layers, with the same bottoms and tops, one for
    TRAIN alone and one for TEST alone, whose names differ.

Why it matters
    The test net takes its weights from the training net by the names of the layers, and so
    does every deploy net. A TEST layer with a name of its own gets none: its statistics stay
    empty, and all tests are worthless.

Which Caffe
    All. A Scale of two bottoms without a bias has no weights to miss. Source:
    Net::ShareTrainedLayersWith in src/caffe/net.cpp of every branch.

Fix
    Safe: gives the TEST layer the name of the TRAIN layer. None where a further layer has
    that name.

Evidence
    The twins in BVLC/caffe#3229 and NVIDIA/DIGITS#629 have one name; observed on all: with two
    names the mean and variance of the test net stay 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import learnable_blobs
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import quote, replace_value

from ._layers import named
from ._twins import twins_of


@net_rule("BN014", "twin-name-mismatch", Severity.ERROR, words=("include", "exclude"))
def check(net: Net) -> Iterator[Finding]:
    pairs = [
        pair
        for pair in twins_of(net, "BatchNorm", "Scale")
        if pair.train.name != pair.test.name and learnable_blobs(net, pair.test)
    ]
    taken = Counter(layer.name for layer in net.layers) if pairs else Counter()
    for train, test in pairs:
        name, other = test.message.node_of("name"), train.message.node_of("name")
        yield Finding(
            name.span if name is not None else test.head,
            f"{named(test)}: the TRAIN twin is called '{train.name}'; weights pass by name, so "
            "this layer keeps empty statistics; give both one name",
            layer=test.name,
            related=(Label(other.span if other is not None else train.head, "the TRAIN twin"),),
            fix=_fix(name, train) if taken[train.name] == 1 else None,
        )


def _fix(name: object, train: Layer) -> Fix | None:
    if not train.name or not isinstance(name, Scalar):
        return None
    edit = replace_value(name, quote(train.name))
    return Fix(f"Name it '{train.name}' too", (edit,))


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" include { phase: TRAIN } }
layer { name: "bn_test" type: "BatchNorm" bottom: "x" top: "x" include { phase: TEST } }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" include { phase: TRAIN } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" include { phase: TEST } }
""",
    ),
)
