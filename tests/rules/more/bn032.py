"""More of BN032: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn032_reserved_blob_never_set import _FOUR, _ZERO, _net


def _solver(decay: str) -> dict[str, str]:
    return {"solver.prototxt": f'net: "example.prototxt"\nbase_lr: 0.1\n{decay}\n'}


_INLINE = "base_lr: 0.1\n%strain_net_param {\n" + _net() + "}\n"

VALID = (
    Example("nvidia-0.15", _net(), _solver("weight_decay: 5e-4")),
    Example("nvidia-0.15", _net(_FOUR + "  param { lr_mult: 0 }\n")),
    Example("nvidia-0.15", _net(_FOUR + _ZERO, engine="CUDNN")),
    Example("nvidia-0.15", _net(engine="DEFAULT"), _solver("")),
    Example("nvidia-0.15", _net(_FOUR + _ZERO, data="Input")),
)
INVALID = (
    Invalid("nvidia-0.15", _net(), (2,), others=_solver("")),
    Invalid("nvidia-0.15", _net(""), (2,), others=_solver("weight_decay: 0")),
    Invalid("nvidia-0.15", _INLINE % "weight_decay: 0.0\n", (2,)),
    Invalid("nvidia-0.15", _INLINE % "", (4,)),
    Invalid(
        "nvidia-0.15",
        _net(),
        (2,),
        others={"solver.prototxt": 'train_net: "example.prototxt"\nbase_lr: 0.1\n'},
    ),
)
