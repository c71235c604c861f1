"""More of NT010: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" }\n'
_LOSS = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }\n'


def _net(transform: str) -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "data" top: "label"
  transform_param {{ {transform} }}
}}
{_CONV}{_LOSS}"""


_INPUT = 'input: "data" input_dim: [1, 3, 8, 8]\n'


def _valid(text: str, deploy: str = "") -> Example:
    others = {"deploy.prototxt": _INPUT + deploy + _CONV}
    return Example("bvlc", text, others, "train_val.prototxt")


def _invalid(text: str, line: int) -> Invalid:
    others = {"deploy.prototxt": _INPUT + _CONV}
    return Invalid("bvlc", text, (line,), None, others, "train_val.prototxt")


_POWER = 'layer { name: "p" type: "Power" bottom: "data" top: "data" }\n'

_OLD = """\
layers { name: "d" type: DATA top: "data" top: "label" data_param { scale: 0.1 } }
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" }
layers { name: "l" type: SOFTMAX_LOSS bottom: "c" bottom: "label" }
"""


_LATE = 'layer { name: "p" type: "Power" bottom: "c" top: "p" }\n'

_NEW_INPUT = 'layer { name: "in" type: "Input" top: "data" }\n'

_TOPLESS = 'layer { name: "none" type: "Data" transform_param { scale: 0.1 } }\n'

_LATER = 'layer { name: "t" type: "Python" bottom: "c" top: "t" transform_param { scale: 0.1 } }\n'

VALID = (
    _valid(_net("mirror: true crop_size: 8")),
    _valid(_net("scale: 0.1"), _POWER),
    Example("bvlc", _net("scale: 0.1")),
    Example("bvlc", _INPUT + _CONV, {"train.prototxt": _net("scale: 0.1")}, "deploy.prototxt"),
    _valid(_net("scale: 0.1"), _POWER.replace("Power", "Scale")),
    _valid(_net("scale: 0.1"), _POWER.replace("Power", "BatchNorm")),
    _valid(
        _net("mean_value: 104").replace('"label"', '"label" include { phase: TEST }', 1) + _net("")
    ),
    _valid(_net("").replace('"Data"', '"Data" data_param { scale: 0.1 }')),
    _valid(_net("") + _LATER),
    Example("bvlc", _net("") + _TOPLESS, {"deploy.prototxt": _INPUT + _CONV}, "train_val.prototxt"),
    Example(
        "bvlc",
        _net("scale: 0.1"),
        {"deploy.prototxt": _NEW_INPUT + _POWER + _CONV},
        "train_val.prototxt",
    ),
)
INVALID = (
    _invalid(_net('mean_file: "mean.binaryproto"'), 2),
    _invalid(_OLD, 1),
    _invalid(_OLD.replace("DATA", "IMAGE_DATA").replace("data_param", "image_data_param"), 1),
    _invalid(_OLD.replace("DATA", "WINDOW_DATA").replace("data_param", "window_data_param"), 1),
    Invalid(
        "bvlc",
        _net("scale: 0.1"),
        (2,),
        None,
        {"deploy.prototxt": _INPUT + _CONV + _LATE},
        "train_val.prototxt",
    ),
    Invalid(
        "bvlc",
        _net("scale: 0.1"),
        (2,),
        None,
        {"deploy.prototxt": _NEW_INPUT + _CONV},
        "train_val.prototxt",
    ),
)
