"""HDF5 snapshots of a net with a slash in a name.

What it does
    Reports `snapshot_format: HDF5` where a layer of the training net has a `/` in its name, or
    a blob with one is read by two layers: the Split that Caffe puts there carries the name.

Why it matters
    HDF5 takes the slash for a folder. The first snapshot aborts with `Error saving weights to
    ...`, after the training that led to it.

Which Caffe
    All. BINARYPROTO, the default, takes every name, and so does HDF5 a slash in a blob with
    one reader.

Fix
    Safe: `snapshot_format: BINARYPROTO`.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5, 0.15.14, 0.16.6 and 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.lint.rule import Finding, Invalid, solver_rule
from protolint.net.net import Net
from protolint.net.solver import Solver
from protolint.source import Span
from protolint.text.tree import Scalar
from protolint.text.write import replace_value

from ._solver import first_place, label, training_nets


@solver_rule("SV006", "hdf5-snapshot-slash", Severity.ERROR, words=("snapshot_format",))
def check(solver: Solver) -> Iterator[Finding]:
    if solver.message.text("snapshot_format") != "HDF5":
        return
    node = solver.message.node_of("snapshot_format")
    for net in training_nets(solver):
        for name, span in _slashes(net):
            fix = None
            if isinstance(node, Scalar):
                fix = Fix("Use BINARYPROTO", (replace_value(node, "BINARYPROTO"),))
            yield Finding(
                first_place(solver.message, "snapshot_format"),
                f"HDF5 snapshots cannot hold layer '{name}' (slash in the name); use BINARYPROTO",
                related=(label(solver, net, span, "this name"),),
                fix=fix,
            )
            return


def _slashes(net: Net) -> Iterator[tuple[str, Span]]:
    """Yield the layers of the training net with a slash in the name, Caffe's own splits too."""
    for view in net.views:
        if view.state.phase != "TRAIN":
            continue
        for layer in view.layers:
            if "/" in layer.name:
                yield layer.name, layer.head
            for i, version in enumerate(view.tops[layer.index]):
                if "/" in version.name and len(version.readers) > 1:
                    yield f"{version.name}_{layer.name}_{i}_split", layer.tops[i].span


INVALID = (
    Invalid(
        "bvlc",
        """\
net: "net.prototxt"
base_lr: 0.1
snapshot_format: HDF5
""",
        (3,),
        fixed="""\
net: "net.prototxt"
base_lr: 0.1
snapshot_format: BINARYPROTO
""",
        others={
            "net.prototxt": """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "a/r" type: "ReLU" bottom: "x" top: "y"  }
layer { name: "p" type: "Pooling" bottom: "y" top: "p"  }
"""
        },
    ),
)
