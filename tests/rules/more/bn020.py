"""More of BN020: what takes the place of the bias, and what cuts below 0."""

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
layer {
  name: "s" type: "Scale" bottom: "y" top: "y"
%s}
layer { name: "r" type: "%s" bottom: "y" top: "r" }
"""
_BIAS = "  scale_param { bias_term: true }\n"

VALID = (
    Example("bvlc", _NET % ("", "", "Convolution")),
    Example("bvlc", _NET % ("", "", "InnerProduct")),
    Example("bvlc", _NET % ("", "", "Deconvolution")),
    Example("bvlc", _NET % ("", '  bottom: "z"\n', "ReLU")),
    Example("bvlc", (_NET % ("", "", "ReLU")).replace("Data", "Input")),
    Example("bvlc", (_NET % ("", "  include { phase: TEST }\n", "ReLU"))),
    Example(
        "bvlc", _NET % ("", "", "ReLU") + 'layer { name: "b" type: "Bias" bottom: "y" top: "b" }\n'
    ),
    Example("bvlc", _NET % ("", _BIAS, "ReLU")),
    Example("bvlc", _NET % ("", "", "Bias")),
    Example("nvidia-0.17", _NET % ("batch_norm_param { scale_bias: true }", "", "ReLU")),
)
INVALID = (
    Invalid(
        "nvidia-0.16",
        _NET % ("", "  scale_param {\n    filler { value: 1 }\n  }\n", "Pooling"),
        (5,),
        fixed=_NET
        % ("", "  scale_param {\n    filler { value: 1 }\n    bias_term: true\n  }\n", "Pooling"),
    ),
    *(
        Invalid("bvlc", _NET % ("", "  scale_param { }\n", reader), (5,))
        for reader in ("PReLU", "ELU", "Sigmoid", "TanH")
    ),
    Invalid(
        "nvidia-0.17",
        _NET % ("", "  scale_param { bias_term: false }\n", "Eltwise"),
        (5,),
        fixed=_NET % ("", _BIAS, "Eltwise"),
    ),
)
