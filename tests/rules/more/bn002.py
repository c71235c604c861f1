"""More of BN002: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn002_inplace_native_without_affine import _NATIVE, _net

VALID = (
    Example("nvidia-0.16", _net("batch_norm_param { engine: DEFAULT }")),
    Example("nvidia-0.16", _net("batch_norm_param { engine: CUDNN }")),
    Example("nvidia-0.17", _net("batch_norm_param { engine: CAFFE scale_bias: true }")),
    Example("nvidia-0.17", _net("batch_norm_param { engine: CAFFE bias_filler { } }")),
    Example("nvidia-0.17", _net(_NATIVE, "bn1")),
    Example("nvidia-0.17", _net(_NATIVE, source="Input")),
    Example("nvidia-0.17", _net(_NATIVE + " include { phase: TEST }")),
    Example(
        "nvidia-0.17",
        'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x"\n' + _NATIVE + " }\n",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.16",
        _net("batch_norm_param { engine: CAFFE scale_bias: false }"),
        (7,),
        fixed=_net("batch_norm_param { engine: CAFFE scale_bias: false }", "bn1"),
    ),
)
