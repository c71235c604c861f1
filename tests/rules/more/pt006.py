"""More of PT006: when one `layers` among `layer` is a slip."""

from protolint.lint.rule import Example, Invalid

_NEW = 'layer { type: "ReLU" }\n' * 2
VALID = (
    Example("bvlc", "base_lr: 0.1 # no layers\n"),
    Example("bvlc", 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" }\n'),
    # Wrong in both generations: PT004, PT005, PT007.
    Example("bvlc", 'layer { name: CONVOLUTION type: "ReLU" type: "TanH" }\n'),
    Example("bvlc", "layer { type: ReLU }\n"),
    Example("bvlc", "layers { type: FROBNICATE }\n"),
    Example("bvlc", "layers { type: innerproduct }\n"),
    Example("bvlc", "layer { convolution_param { weight_filler { type: CONVOLUTION } } }\n"),
    Example("bvlc", "layer { convolution_param { weight_filler { type: BATCHNORM } } }\n"),
)
INVALID = (
    Invalid(
        "bvlc",
        _NEW + 'layer { type: RELU }\nlayers { type: "TanH" }\n',
        (3, 4),
    ),
    Invalid("bvlc", _NEW + 'layers: [{ type: "TanH" }]\n', (3, 3)),
    Invalid("bvlc", _NEW + 'layers { name: "x" }\n', (3,)),
    Invalid("nvidia-0.15", 'layers {\n  name: "c"\n  type: "Convolution"\n}\n', (3,)),
    Invalid("nvidia-0.15", 'layer {\n  name: "c"\n  type: CONVOLUTION\n}\n', (3,)),
    Invalid("bvlc", 'layers {\n  name: "b"\n  type: BATCHNORM\n}\n', (3,)),
    Invalid("bvlc", 'layers { name: "b" type: "BatchNorm" }\n', (1,)),
    Invalid("bvlc", "layer { }\nlayers { type: RELU }\n", (1,)),
    Invalid("bvlc", "layers { type: RELU }\nlayer { }\nlayers { type: RELU }\n", (2,)),
)
