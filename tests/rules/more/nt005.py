"""More of NT005: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt005_duplicate_layer_name import _layer

_DATA = 'layer { name: "a" type: "Data" top: "x" top: "s" }\n'
_TRAIN, _TEST = "include { phase: TRAIN }", "include { phase: TEST }"

VALID = (
    Example("bvlc", _layer("BatchNorm", more=_TRAIN) + _layer("BatchNorm", more=_TEST)),
    Example("bvlc", _layer("Convolution") + _layer("Scale", more='bottom: "s"')),
    Example("nvidia-0.15", _DATA * 2 + _layer("Convolution") + _layer("PReLU", "b")),
    Example("bvlc", _DATA + _layer("Convolution") + _layer("ReLU") + _layer("Pooling")),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        _layer("BatchNorm", more=_TRAIN) + _layer("Scale") + _layer("Embed", "a_2"),
        (6,),
        fixed=_layer("BatchNorm", more=_TRAIN) + _layer("Scale", "a_3") + _layer("Embed", "a_2"),
    ),
    # The TEST layer could be the twin of either.
    Invalid(
        "bvlc",
        _layer("Convolution", more=_TRAIN) * 2 + _layer("Convolution", more=_TEST),
        (6,),
    ),
    Invalid(
        "nvidia-0.14",
        _layer("InnerProduct") + _layer("PReLU") + _layer("Deconvolution"),
        (6, 10),
        fixed=_layer("InnerProduct") + _layer("PReLU", "a_2") + _layer("Deconvolution", "a_3"),
    ),
    Invalid("bvlc", _layer("Convolution", "").replace('  name: ""\n', "") * 2, (4,)),
    Invalid("bvlc", _layer("Convolution", "") * 2, (6,)),
)
