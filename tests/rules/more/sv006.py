"""More of SV006: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.sv006_hdf5_snapshot_slash import _SOLVER, _net

_TWO = 'layer { name: "s" type: "Silence" bottom: "a/b" }\n'

VALID = (
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', _net("a/r", "y")),
    Example("bvlc", _SOLVER % "HDF5", _net("r", "a/b")),
    Example("bvlc", _SOLVER % "HDF5", _net("a/r", "y", "include { phase: TEST }")),
    Example(
        "bvlc", (_SOLVER % "HDF5").replace("net:", "train_net: 'a' test_net:"), _net("a/r", "y")
    ),
    Example(
        "bvlc",
        _SOLVER % "HDF5",
        {"net.prototxt": _net("r", "b")["net.prototxt"] + _TWO.replace("a/b", "b")},
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        _SOLVER % "0",
        (3,),
        _SOLVER % "BINARYPROTO",
        {"net.prototxt": _net("r", "a/b")["net.prototxt"] + _TWO},
    ),
)
