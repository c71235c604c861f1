"""More of BN032: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer {{ name: "d" type: "{data}" top: "x" }}
layer {{
  name: "a" type: "BatchNorm" bottom: "x" top: "a"
{params}  batch_norm_param {{ engine: {engine} }}
}}
layer {{
  name: "b" type: "BatchNorm" bottom: "x" top: "b"
{params}  batch_norm_param {{ engine: {engine} }}
}}
"""
_ONE, _ZERO = "  param { lr_mult: 1 }\n", "  param { lr_mult: 0 decay_mult: 0 }\n"
_FOUR = _ONE * 2 + _ZERO * 2


def _net(params: str = _FOUR, engine: str = "CAFFE", data: str = "Data") -> str:
    return _NET.format(params=params, engine=engine, data=data)


def _solver(decay: str) -> dict[str, str]:
    return {"solver.prototxt": f'net: "example.prototxt"\nbase_lr: 0.1\n{decay}\n'}


_INLINE = "base_lr: 0.1\n%strain_net_param {\n" + _net() + "}\n"

VALID = (
    Example("nvidia-0.15", _net(), _solver("weight_decay: 5e-4")),
    Example("nvidia-0.15", _net(_FOUR + "  param { lr_mult: 0 }\n")),
    Example("nvidia-0.15", _net(_FOUR + _ZERO, engine="CUDNN")),
    Example("nvidia-0.15", _net(engine="DEFAULT"), _solver("")),
    Example("nvidia-0.15", _net(_FOUR + _ZERO, data="Input")),
    Example("nvidia-0.15", _net()),
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
