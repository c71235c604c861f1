"""More of SV001: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(batch: int, batchnorm: str = "", more: str = "") -> str:
    return (
        f'layer {{ name: "d" type: "Data" top: "x" data_param {{ batch_size: {batch} }} {more} }}\n'
        f'layer {{ name: "bn" type: "BatchNorm" bottom: "x" top: "y" {batchnorm} }}\n'
    )


_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\niter_size: %d\n'

_STORED = "batch_norm_param { use_global_stats: true }"

VALID = (
    Example("bvlc", _SOLVER % 8, {"net.prototxt": _net(16)}),
    Example("bvlc", _SOLVER % 1, {"net.prototxt": _net(2)}),
    Example("bvlc", _SOLVER % 8, {"net.prototxt": _net(2, _STORED)}),
    Example("bvlc", _SOLVER % 8, {"net.prototxt": _net(2).replace("BatchNorm", "ReLU")}),
    Example("bvlc", _SOLVER % 8, {"net.prototxt": _net(2, more="include { phase: TEST }")}),
    Example("bvlc", _SOLVER % 8),
)
INVALID = (
    Invalid("nvidia-0.17", _SOLVER % 2, (3,), None, {"net.prototxt": _net(15, _STORED)}),
    Invalid("nvidia-0.15", f"base_lr: 0.1\niter_size: 4\nnet_param {{\n{_net(1)}}}\n", (2,)),
)
