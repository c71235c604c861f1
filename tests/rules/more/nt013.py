"""More of NT013: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt013_gaussian_mean_above_std import _GAMMA, _layer

_BIAS = 'bias_term: %s bias_filler { type: "gaussian" mean: 3 }'

VALID = (
    Example("nvidia-0.16", _layer("Scale", "scale_param", 'filler { type: "gaussian" mean: 1 }')),
    Example(
        "nvidia-0.16",
        _layer("Convolution", "convolution_param", 'weight_filler { type: "gaussian" mean: -3 }'),
    ),
    Example("nvidia-0.17", _layer("Convolution", "convolution_param", _BIAS % "false")),
    Example("nvidia-0.17", _layer("Scale", "scale_param", _BIAS.replace("bias_term: %s", ""))),
    Example("nvidia-0.17", _layer(*_GAMMA, more="include { min_level: 1 }")),
    Example("nvidia-0.17", _layer("Scale", "scale_param", "filler { mean: 2 }")),
    Example("nvidia-0.17", _layer("Scale", "scale_param", "filler { mean: 1 }")),
)
INVALID = (
    Invalid("nvidia-0.16.1", _layer("Convolution", "convolution_param", _BIAS % "true"), (4,)),
    Invalid(
        "nvidia-0.16",
        'layers { name: "a" type: INNER_PRODUCT\n  inner_product_param {\n    weight_filler {\n'
        '      type: "gaussian"\n      mean: 2\n      std: 1\n    }\n  }\n}\n',
        (5,),
    ),
    Invalid(
        "nvidia-0.17",
        _layer(*_GAMMA).replace("std: 0.02", "std: 0.02 sparse: 5"),
        (4,),
        fixed=_layer(*_GAMMA[:2], 'scale_filler { type: "constant" value: 1 }'),
    ),
    Invalid("nvidia-0.17", _layer(*_GAMMA).replace("std: 0.02", "std: 0.02 value: 1"), (4,)),
    Invalid(
        "nvidia-0.17",
        _layer(
            "Convolution",
            "convolution_param",
            'bias_term: false weight_filler { type: "gaussian" mean: 3 }',
        ),
        (4,),
    ),
    Invalid(
        "nvidia-0.17",
        _layer("BatchNorm", "batch_norm_param", 'bias_filler { type: "gaussian" mean: 3 }'),
        (4,),
    ),
)
