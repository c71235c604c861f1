"""More of BN020: what takes the place of the bias, and what cuts below 0."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn020_scale_without_bias import _NET

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
)
