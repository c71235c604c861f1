"""More of SV005: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
"""
_BN = {"net.prototxt": _NET % ""}
_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\n%stest_iter: 10\ntest_interval: 100\n'
_OFF = "test_initialization: false\n"

VALID = (
    Example("bvlc", _SOLVER % 'weights: "a.caffemodel"\n', _BN),
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', _BN),
    Example("bvlc", _SOLVER % "", {"net.prototxt": _NET % "include { phase: TRAIN }"}),
    Example("bvlc", _SOLVER.replace("net:", "train_net:") % "", _BN),
    Example("bvlc", _SOLVER % ""),
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\ntest_interval: 100\n', _BN),
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\ntest_iter: 10\n', _BN),
    Example("bvlc", _SOLVER % _OFF, _BN),
)
INVALID = (
    Invalid(
        "nvidia-0.15",
        _SOLVER % "test_initialization: true\n",
        (4,),
        _SOLVER % _OFF,
        _BN,
    ),
    Invalid(
        "nvidia-0.14", _SOLVER.replace("net:", "train_net: 'a' test_net:") % "", (3,), None, _BN
    ),
    Invalid("nvidia-0.17", _SOLVER % _OFF, (4,), None, _BN),
    Invalid(
        "bvlc",
        f"base_lr: 0.1\ntest_interval: 9 test_iter: [1]\nnet_param {{\n{_NET % ''}}}\n",
        (2,),
    ),
)
