"""More of BN016: a Scale of two bottoms takes no part of a BatchNorm."""

from protolint.lint.rule import Example, Invalid


def _net(batchnorm: str, scale: str = "", top: str = "conv", source: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{source}" top: "data" top: "label" }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv" }}
layer {{ name: "bn" type: "BatchNorm" bottom: "conv" top: "{top}"{batchnorm} }}
layer {{ name: "scale" type: "Scale" bottom: "{top}" top: "{top}"{scale} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "{top}" bottom: "label" }}
"""


_TRAIN, _TEST = " include { phase: TRAIN }", " include { phase: TEST }"

_TWIN = 'layer { name: "%s" type: "BatchNorm" bottom: "%s" top: "%s" include { phase: TEST } }\n'

_BRANCH = """\
layer { name: "b" type: "BatchNorm" bottom: "conv" top: "b" include { phase: TRAIN } }
layer { name: "extra" type: "EuclideanLoss" bottom: "b" bottom: "label" include { phase: TRAIN } }
"""


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" top: "label" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }
layer { name: "s" type: "Scale" bottom: "x" bottom: "label" top: "x" include { phase: TRAIN } }
layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "label" }
""",
    ),
    Example("bvlc", _net(' include { stage: "x" }')),
    Example("bvlc", _net(_TEST, _TEST, source="Input").replace("EuclideanLoss", "Eltwise")),
    Example("bvlc", _net(_TRAIN).replace(' top: "label" }', f' top: "label"{_TRAIN} }}')),
    Example("nvidia-0.15", _net(_TRAIN) + _TWIN % ("other", "conv", "conv")),
    Example("nvidia-0.17", _net(_TRAIN) + _TWIN % ("bn", "conv", "new")),
    Example("bvlc", _net("") + _BRANCH),
    Example("bvlc", _net("", _TRAIN).replace("BatchNorm", "LRN")),
    Example(
        "bvlc",
        _net("") + _BRANCH + (_TWIN % ("b", "conv", "b2")).replace("phase: TEST", "min_level: 1"),
    ),
    Example(
        "bvlc",
        _net("", _TRAIN).replace("BatchNorm", "LRN")
        + _TWIN.replace(" include { phase: TEST }", "") % ("b", "data", "b"),
    ),
    Example("bvlc", _net("", _TRAIN).replace('"Scale" bottom', '"Scale" bottom: "data" bottom')),
    Example("bvlc", _net("")),
)

INVALID = (
    Invalid("nvidia-0.17", _net("", _TEST), (4,), fixed=_net("")),
    Invalid(
        "nvidia-0.15",
        _net(" exclude { phase: TRAIN }", _TEST, top="bn"),
        (3,),
        fixed=_net("", top="bn"),
    ),
    Invalid("nvidia-0.14", _net(" include: [{ phase: TRAIN }]", top="bn"), (3,)),
    Invalid("bvlc", _net(_TRAIN, _TRAIN), (3, 4), fixed=_net("")),
    Invalid("bvlc", _net("") + (_TWIN % ("b", "conv", "b")).replace("TEST", "TRAIN"), (6,)),
)
