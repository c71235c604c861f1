"""More of BN017: twins that read a blob which no layer writes."""

from protolint.lint.rule import Example, Invalid


def _layer(inner: str, name: str = "bn") -> str:
    return f"""\
layer {{
  name: "{name}"
  type: "BatchNorm" bottom: "conv" top: "conv"
{inner}}}
"""


_OWN_HEAD = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
"""
_OWN_TRAIN, _OWN_TEST = "  include { phase: TRAIN }\n", "  include { phase: TEST }\n"
_PARAM = "  batch_norm_param {\n%s  }\n"
_FALSE, _TRUE = "    use_global_stats: false\n", "    use_global_stats: true\n"
_EPS = "    eps: 1e-4\n"

_RELU = 'layer { name: "r" type: "ReLU" bottom: "conv" top: "conv" }\n'


_HEAD = 'input: "x" input_dim: [1, 3, 8, 8]\nlayer { name: "d" type: "Data" top: "z" }\n'
_LAYER = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"%s }\n'
_TRAIN, _TEST = (_LAYER % f" include {{ phase: {phase} }}" for phase in ("TRAIN", "TEST"))
INVALID = (
    Invalid("bvlc", _HEAD + _TRAIN + _TEST, (3,), fixed=_HEAD + _LAYER % ""),
    Invalid(
        "nvidia-0.17",
        _OWN_HEAD + _layer(_OWN_TEST + _PARAM % _TRUE) + _layer(_OWN_TRAIN) + _RELU,
        (11,),
        fixed=_OWN_HEAD + _layer(_PARAM % "") + _RELU,
    ),
    Invalid(
        "nvidia-0.14",
        _OWN_HEAD + _layer("  exclude { phase: TEST }\n") + _layer("  exclude { phase: TRAIN }\n"),
        (3,),
        fixed=_OWN_HEAD + _layer(""),
    ),
    Invalid(
        "nvidia-0.15",
        _OWN_HEAD + _layer("  include: [{ phase: TRAIN }]\n") + _layer(_OWN_TEST),
        (3,),
    ),
)
VALID = (
    Example(
        "bvlc", _OWN_HEAD + _layer(_OWN_TRAIN + _PARAM % _TRUE) + _layer(_OWN_TEST + _PARAM % _TRUE)
    ),
    Example(
        "bvlc",
        _OWN_HEAD + _layer(_OWN_TRAIN + _PARAM % _FALSE) + _layer(_OWN_TEST + _PARAM % _FALSE),
    ),
    Example("bvlc", _OWN_HEAD + _layer(_OWN_TRAIN + _PARAM % _EPS) + _layer(_OWN_TEST)),
    Example("bvlc", _OWN_HEAD + _layer(_OWN_TRAIN) + _layer(_OWN_TEST, "bn_test")),
    Example("nvidia-0.15", _OWN_HEAD + _layer(_OWN_TRAIN) + _RELU + _layer(_OWN_TEST)),
    Example(
        "bvlc",
        _OWN_HEAD + _layer(_OWN_TRAIN) + _layer(' include { phase: TEST stage: "deploy" }\n'),
    ),
    Example("bvlc", _OWN_HEAD + _layer("")),
)
