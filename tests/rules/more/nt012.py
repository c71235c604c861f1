"""More of NT012: every type that is made for a new blob, or for its own."""

from protolint.lint.rule import Example, Invalid

_HEAD = 'layer { name: "d" type: "Data" top: "data" }\n'
_CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "x" }\n'


def _layer(type: str, bottom: str, top: str, more: str = "") -> str:
    return f'layer {{ name: "{type}" type: "{type}" bottom: "{bottom}" top: "{top}" {more}}}\n'


def _in_place(type: str, more: str = "") -> str:
    return _HEAD + _CONV + _layer(type, "x", "x", more)


_SUM = 'layer { name: "e" type: "Eltwise" bottom: "x" bottom: "data" top: "x" }\n'
_TWICE = "power_param { scale: 2 } "

_MADE_FOR_IT = (
    "BatchNorm", "Scale", "Bias", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Exp", "Softmax",
    "Dropout",
)  # fmt: skip
_MADE_FOR_NEW_BLOBS = (
    "Convolution", "Deconvolution", "LRN", "InnerProduct", "Pooling", "Eltwise", "AbsVal", "Split",
    "Flatten", "Reshape", "Log", "BNLL", "MVN",
)  # fmt: skip
VALID = (
    *(Example("bvlc", _in_place(name)) for name in _MADE_FOR_IT),
    Example("nvidia-0.14", _in_place("Flatten")),
    Example("bvlc", _in_place("Power", "include { phase: TEST } ")),
    # Nothing above it learns.
    Example("bvlc", _HEAD + _layer("Power", "data", "data", _TWICE)),
    Example("bvlc", 'input: "x" input_dim: [1, 3, 8, 8]\n' + _layer("Log", "x", "x")),
    Example(
        "bvlc", _in_place("MVN").replace('"x" }', '"x" ' + "param { lr_mult: 0 } " * 2 + "}", 1)
    ),
    Example("bvlc", _HEAD + _layer("Pooling", "data", "p")),
    Example("nvidia-0.17", _HEAD + _CONV + _SUM),
)
INVALID = (
    *(Invalid("bvlc", _in_place(name), (3,)) for name in _MADE_FOR_NEW_BLOBS),
    Invalid("nvidia-0.17", _in_place("Pooling", "include { phase: TEST } "), (3,)),
    Invalid("nvidia-0.15", _in_place("Flatten"), (3,)),
    Invalid("bvlc", _HEAD + _CONV + _SUM, (3,)),
)
