"""More of SV006: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(name: str, blob: str, more: str = "") -> dict[str, str]:
    text = f"""\
layer {{ name: "d" type: "Data" top: "x" }}
layer {{ name: "{name}" type: "ReLU" bottom: "x" top: "{blob}" {more} }}
layer {{ name: "p" type: "Pooling" bottom: "{blob}" top: "p" {more} }}
"""
    return {"net.prototxt": text}


_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nsnapshot_format: %s\n'

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
    Example("bvlc", _SOLVER % "BINARYPROTO", _net("a/r", "y")),
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
