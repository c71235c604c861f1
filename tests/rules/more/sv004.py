"""More of SV004: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(engine: str) -> dict[str, str]:
    param = f"batch_norm_param {{ {engine} }}" if engine else ""
    return {
        "net.prototxt": f'layer {{ name: "b" type: "BatchNorm" bottom: "x" top: "y" {param} }}\n'
    }


_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nsolver_mode: %s\n'


VALID = (
    Example("nvidia-0.14", _SOLVER % "CPU", _net("engine: CAFFE")),
    Example("nvidia-0.14", 'net: "net.prototxt"\nbase_lr: 0.1\n', _net("")),
    Example("nvidia-0.14", _SOLVER % "CPU", _net("engine: CUDNN } include { min_level: 1")),
)

INVALID = (Invalid("nvidia-0.14", _SOLVER % "0", (3,), None, _net("engine: CUDNN")),)
