"""More of NT008: a top is no bottom."""

from protolint.lint.rule import Example, Invalid


def _net(first: str, second: str = "", top: str = "bn", conv: str = "") -> str:
    return f"""\
layer {{ name: "train" type: "Data" top: "data" include {{ stage: "train" }} }}
layer {{ name: "val" type: "Data" top: "data" include {{ stage: "val" }} }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" {conv} }}
layer {{
  name: "bn" type: "BatchNorm" bottom: "c" top: "{top}"
  {first}
}}
{second}
"""


_TRAIN, _TEST = "include { phase: TRAIN }", "include { phase: TEST }"

_TWIN = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "bn" %s }'


_DATA = 'layer { name: "d" type: "Data" top: "a" top: "b" include { stage: "%s" } }\n'
_SCALE = 'layer { name: "s" type: "Scale" bottom: "a" %s: "b" top: "c" %s }\n'
INVALID = (
    Invalid(
        "nvidia-0.15",
        _DATA % "train"
        + _DATA % "val"
        + _SCALE % ("bottom", 'include { stage: "deploy" }')
        + _SCALE % ("top", "include { phase: TRAIN }"),
        (4,),
    ),
    Invalid("nvidia-0.17", _net("exclude { phase: TEST }", top="c"), (6,)),
    Invalid("nvidia-0.16", _net(_TRAIN).replace("BatchNorm", "Scale"), (6,)),
    Invalid("nvidia-0.14", _net('include { phase: TRAIN stage: "train" }'), (6,)),
    Invalid("nvidia-0.15", _net(_TRAIN).replace('bottom: "c"', 'bottom: "data"'), (6,)),
)

VALID = (
    Example("nvidia-0.15", _net("")),
    Example("nvidia-0.15", _net(_TRAIN, _TWIN % _TEST)),
    Example("nvidia-0.15", _net('exclude { stage: "deploy" }')),
    Example("nvidia-0.15", _net(_TRAIN, conv=_TRAIN)),
    # Not split by stages: BN016.
    Example("nvidia-0.15", _TWIN % _TRAIN),
    Example("nvidia-0.15", _net('include { phase: TRAIN } include { stage: "deploy" }')),
    Example("nvidia-0.15", _net("include { phase: TRAIN min_level: 1 }")),
)
