"""More of PT005: layers beside one whose type is not known, and layers without one."""

from protolint.lint.rule import Example, Invalid

_SCALE = 'layer { name: "s" type: "Scale" bottom: "x" top: "x" }\n'


_OWN = 'layer { name: "o" type: "Own" %s }\n'
INVALID = (
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n' + _OWN % "", (2,)),
    Invalid("bvlc", _OWN % "include { min_level: 1 }" + _OWN.replace("Own", "Other") % "", (2,)),
    Invalid("bvlc", 'layers { name: "n" }\n', (1,)),
    # The type of a fork but for the case of a letter.
    Invalid("nvidia-0.17", _OWN.replace("Own", "Lstm") % "", (1,)),
    Invalid("bvlc", 'layer { name: "b" type: ROI_POOLING }\n', (1,)),
    Invalid("nvidia-0.16", 'layer {\n  name: "r"\n  type: "LSTM"\n}\n', (3,)),
    Invalid("bvlc", 'layer {\n  name: "n"\n}\n', (1,)),
    Invalid("bvlc", 'layer { name: "ip" type: "INNER_PRODUCT" }\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "b" type: "BATCHNORM" }\n',
        (1,),
        fixed='layer { name: "b" type: "BatchNorm" }\n',
    ),
    Invalid("bvlc", 'layer { name: "c" type: "Convolutoin" }\n', (1,)),
    Invalid("nvidia-0.14", 'layer { name: "s" type: "Scal" }\n', (1,)),
    # Two wrong letters are too many in a word of five.
    Invalid("bvlc", 'layer { name: "s" type: "Scxxe" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "c" type: "Cancot" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "u" type: "Interp" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "m" type: "QuiteDifferentFromAll" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "l" type: "SOFTMAX_LOSS" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "b" type: "BN" }\n' * 3, (1,)),
    Invalid("bvlc", 'layers { name: "b" type: BN bn_param { } }\n' * 2, (1,)),
    Invalid("bvlc", 'layers { name: "r" type: ROI_POOLING }\n', (1,)),
    Invalid(
        "nvidia-0.17", 'layer { name: "r" type: "ReLU6" relu6_param { threshold: 6 } }\n', (1,)
    ),
    Invalid("bvlc", 'layer { name: "r" type: "ReLU6" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "p" type: "Permute" }\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "c" type: "DepthwiseConvolution" }\n',
        (1,),
        fixed='layer { name: "c" type: "Convolution" }\n',
    ),
)

VALID = (
    Example("bvlc", _SCALE),
    Example("bvlc", 'layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" }\n'),
    Example("bvlc", 'layer { name: "a" type: "Own" include { min_level: 1 } }\n'),
    # No string at all, and not in the enum of old layers: PT007.
    Example("bvlc", 'layer { name: "b" type: 3 }\n'),
    Example("bvlc", 'layers { name: "c" type: FROBNICATE }\n'),
    # An old word: PT006.
    Example("bvlc", 'layer { name: "c" type: CONVOLUTION bottom: "x" top: "c" }\n'),
)
