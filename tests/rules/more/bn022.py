"""More of BN022: a layer of the old form, whose fields are others."""

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "c" type: "Convolution" bottom: "x" top: "c"
%s}
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "%s" %s }
layer { name: "r" type: "ReLU" bottom: "c" top: "r" }
"""
_PLAIN = "  convolution_param { num_output: 8%s }\n"

_GLOBAL = "batch_norm_param { use_global_stats: true }"


VALID = (
    Example(
        "nvidia-0.17",
        """\
layers { name: "d" type: DATA top: "x" }
layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" convolution_param { num_output: 8 } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" }
""",
    ),
    Example("bvlc", _NET % (_PLAIN % "", "y", "")),
    Example("bvlc", _NET % (_PLAIN % "", "c", _GLOBAL)),
    Example("bvlc", (_NET % (_PLAIN % "", "c", "")).replace("Data", "Input")),
    Example("bvlc", _NET % (_PLAIN % "", "c", "include { phase: TEST }")),
    Example("bvlc", _NET % (_PLAIN % "", "c", "include { phase: TRAIN }")),
    Example("bvlc", _NET % (_PLAIN % " axis: 2", "c", "")),
    Example("bvlc", _NET % (_PLAIN % " bias_term: false", "c", "")),
)

INVALID = (
    Invalid(
        "nvidia-0.17",
        _NET % ("  param { }\n  param { }\n" + _PLAIN % " bias_filler { value: 0 }", "c", _GLOBAL),
        (2,),
        fixed=_NET % ("  param { }\n" + _PLAIN % " bias_term: false", "c", _GLOBAL),
    ),
    Invalid(
        "nvidia-0.15",
        _NET % (_PLAIN % ' bias_term: true\n    bias_filler { type: "constant" }\n ', "c", ""),
        (4,),
        fixed=_NET % (_PLAIN % " bias_term: false\n ", "c", ""),
    ),
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "i" }
layer { name: "b" type: "BatchNorm" bottom: "i" top: "i" include { phase: TRAIN } }
layer { name: "b" type: "BatchNorm" bottom: "i" top: "i" include { phase: TEST }
  batch_norm_param { use_global_stats: true }
}
""",
        (2,),
    ),
    Invalid("nvidia-0.14", (_NET % ("", "c", "")).replace("Convolution", "Deconvolution"), (2,)),
    Invalid("bvlc", _NET % ("  param: [{ }, { }]\n" + _PLAIN % "", "c", ""), (2,)),
)
