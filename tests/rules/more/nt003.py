"""More of NT003: a loss of weight 0 in a net with a duplicate top."""

from protolint.lint.rule import Example, Invalid


def _net(first: str, second: str, blobs: str = "pc") -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "data" }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" }}
{first}
{second}
layer {{ name: "s" type: "Silence" bottom: "{blobs[0]}" bottom: "{blobs[1]}" }}
"""


_POOL = 'layer { name: "p" type: "Pooling" bottom: "c" top: "p" %s}'
_PLAIN = _POOL % ""
_RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "%s" %s}'

_BOTH = _RELU % ("c", "") + "\n" + _PLAIN

_TANH = 'layer { name: "t" type: "TanH" bottom: "c" top: "%s" }'

_LOSS = 'layer { name: "e" type: "Log" bottom: "c" top: "e" loss_weight: %d }'

_ELU = 'layer { name: "f" type: "ELU" bottom: "e" top: "e" }'

_SPLIT_LOSS = 'layer { name: "e" type: "Slice" bottom: "c" top: "e" top: "g" %s }'


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "c" }
layer { name: "e" type: "Log" bottom: "c" top: "e" loss_weight: 0 }
layer { name: "f" type: "ELU" bottom: "e" top: "e" }
layer { name: "a" type: "TanH" bottom: "c" top: "t" }
layer { name: "b" type: "TanH" bottom: "c" top: "t" }
""",
    ),
    Example("bvlc", _net(_PLAIN, _RELU % ("r", ""), "pr")),
    Example(
        "nvidia-0.15",
        _net(_POOL % "include { phase: TEST } ", _RELU % ("c", "include { phase: TRAIN } ")),
    ),
    Example("bvlc", _net(_LOSS % 0, _ELU, "ec")),
    Example("bvlc", _net(_SPLIT_LOSS % "loss_weight: 0 loss_weight: 1", _ELU, "eg")),
    Example("bvlc", _net(_SPLIT_LOSS % "loss_weight: 1", _ELU.replace('"e"', '"g"'), "eg")),
    Example("bvlc", _net(_SPLIT_LOSS % "", _ELU, "eg")),
    Example("bvlc", _net(_RELU % ("c", ""), _PLAIN)),
)

INVALID = (
    # The ReLU comes before the other reader and is right, the TanH comes after it.
    Invalid("nvidia-0.17", _net(_BOTH, _TANH % "c"), (5,), fixed=_net(_BOTH, _TANH % "t", "pt")),
    Invalid(
        "nvidia-0.14",
        _net('layer { name: "e" type: "Eltwise" bottom: "c" bottom: "c" top: "c" }', _PLAIN),
        (3,),
    ),
    Invalid("bvlc", _net(_LOSS % 1, _ELU, "ec"), (4,)),
    Invalid(
        "bvlc",
        _net(_SPLIT_LOSS % "loss_weight: 0 loss_weight: 1", _ELU.replace('"e"', '"g"'), "eg"),
        (4,),
    ),
)
