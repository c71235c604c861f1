"""More of NT004: a layer that overwrites two blobs is reported once."""

from protolint.lint.rule import Example, Invalid

_HEAD = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
"""
_END = 'layer { name: "ip" type: "InnerProduct" bottom: "%s" top: "ip" }\n'


def _layer(type: str, bottom: str, top: str, more: str = "") -> str:
    return f'layer {{ name: "{type}" type: "{type}" bottom: "{bottom}" top: "{top}" {more}}}\n'


def _in_place(*types: str, more: str = "") -> str:
    layers = [_layer(name, "c", "c", more) for name in types]
    return _HEAD + "".join(layers) + _END % "c"


def _over(writer: str, more: str, type: str, top: str = "w") -> str:
    """Return a writer with a top of its own, and a layer of another type over it."""
    net: str = _HEAD + _layer(writer, "c", "w", more) + _layer(type, "w", top) + _END % top
    return net


_PROD = 'bottom: "c" eltwise_param { operation: PROD %s} '

_INPUT = 'input: "c" input_dim: [1, 3, 8, 8]\n'


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "a" type: "Convolution" bottom: "data" top: "a" }
layer { name: "b" type: "Convolution" bottom: "data" top: "b" }
layer { name: "ra" type: "ReLU" bottom: "a" top: "a" }
layer { name: "rb" type: "ReLU" bottom: "b" top: "b" }
layer { name: "bn" type: "BatchNorm" bottom: "a" bottom: "b" top: "a" top: "b" }
""",
        (6,),
    ),
    # Reported once: the Scale is right as soon as the BatchNorm has a blob of its own.
    Invalid("nvidia-0.17", _in_place("ReLU", "BatchNorm", "Scale"), (4,)),
    Invalid("bvlc", _in_place("ReLU", "Dropout", "Bias"), (5,)),
    Invalid("nvidia-0.16", _over("Sigmoid", "", "Dropout"), (4,)),
    Invalid("nvidia-0.14", _over("Power", "power_param { power: 0.5 } ", "TanH"), (4,)),
    Invalid("bvlc", _over("ELU", "", "PReLU"), (4,)),
    Invalid("nvidia-0.15", _over("LRN", "", "Scale"), (4,)),
    Invalid("bvlc", _over("MVN", "", "ReLU"), (4,)),
    Invalid("bvlc", _over("Eltwise", _PROD % "stable_prod_grad: false ", "ELU"), (4,)),
    Invalid("bvlc", _over("Softmax", "", "Flatten", "f") + _layer("Scale", "f", "f"), (6,)),
)

VALID = (
    Example("bvlc", _in_place("ReLU", "TanH")),
    Example("nvidia-0.17", _in_place("ReLU", "ELU")),
    Example("bvlc", _in_place("ReLU", "PReLU")),
    Example("bvlc", _over("ReLU", "", "Scale")),
    Example("bvlc", _over("Sigmoid", "", "ReLU")),
    Example("bvlc", _over("Softmax", "", "ELU")),
    Example("bvlc", _over("TanH", "", "ReLU")),
    Example("bvlc", _over("PReLU", "", "Scale")),
    Example("bvlc", _over("Pooling", "", "BatchNorm")),
    Example("bvlc", _over("Power", "power_param { scale: 2 } ", "Scale")),
    Example("bvlc", _over("LRN", "lrn_param { norm_region: WITHIN_CHANNEL } ", "Scale")),
    Example("bvlc", _over("Eltwise", _PROD % "", "Scale")),
    Example("bvlc", _in_place("ReLU", "Scale", more="include { phase: TEST } ")),
    # No layer above the ReLU learns.
    Example("bvlc", _in_place("ReLU", "Scale").replace("Convolution", "Pooling")),
    Example("bvlc", _INPUT + _layer("ReLU", "c", "c") + _layer("Scale", "c", "c")),
    Example("bvlc", _in_place("BatchNorm", "Scale", "ReLU", "Dropout")),
)
