"""More of BN002: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(batchnorm: str, blob: str = "conv1", source: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{source}" top: "data" }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }}
layer {{
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "{blob}"
  {batchnorm}
}}
layer {{ name: "relu1" type: "ReLU" bottom: "{blob}" top: "{blob}" }}
"""


_NATIVE = "batch_norm_param { engine: CAFFE }"

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
    Example("nvidia-0.17", _net("")),
)
INVALID = (
    Invalid(
        "nvidia-0.16",
        _net("batch_norm_param { engine: CAFFE scale_bias: false }"),
        (7,),
        fixed=_net("batch_norm_param { engine: CAFFE scale_bias: false }", "bn1"),
    ),
)
