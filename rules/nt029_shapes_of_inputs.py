"""Shapes that are not one for each input or top.

What it does
    Counts `input_shape` and `input_dim` against `input`, and the shapes and fillers of Input and
    DummyData layers against their tops: one for all, or one for each.

Why it matters
    The net aborts when it is built: `Exactly one input_shape must be specified per input.`,
    `Incorrect input blob dimension specifications.`, `Must specify 'shape' once, or once per top
    blob`, `Number of data fillers must be 0, 1 or equal to the number of tops`; or the process
    crashes while it upgrades the inputs.

Which Caffe
    All. NVIDIA 0.14 takes neither more shapes than inputs nor both forms; the others leave out
    what is too much.

Evidence
    UpgradeNetInput of upgrade_proto.cpp, Net::Init @ NVIDIA v0.14.5, dummy_data_layer.cpp,
    input_layer.cpp; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings


@net_rule("NT029", "shapes-of-inputs", Severity.ERROR, faults=(Kind.INPUT, Kind.SHAPE_LIST))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.INPUT, Kind.SHAPE_LIST)


VALID = (Example("bvlc", 'input: "x" input_dim: [1, 3, 8, 8]\n'),)
INVALID = (Invalid("bvlc", 'input: "x"\ninput: "z"\ninput_dim: [1, 3, 8, 8]\n', (1,)),)
