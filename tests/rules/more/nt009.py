"""More of NT009: what the two nets need not have in common."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt009_train_deploy_drift import _BN as _OWN_BN
from protolint.rules.nt009_train_deploy_drift import _PLAIN, _deploy, _invalid, _training, _valid

_POOL = 'layer { name: "p" type: "Pooling" bottom: "c" top: "p"\n  pooling_param { %s } }\n'


_BIAS = "num_output: 8 kernel_size: 3"

_AUX = 'layer { name: "%s" type: "%s" bottom: "%s" top: "%s" }\n'

_OTHER_NET = _deploy(_PLAIN, _OWN_BN % "").replace('"c" type', '"c1" type')

_SAME_CROP = "transform_param { crop_size: 8 }"


_CONV = """\
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { %s kernel_size: 3 bias_term: false } }
"""
_EIGHT = _CONV % "num_output: 8"
_NEXT = _EIGHT.replace('"c"', '"n"').replace('"x"', '"c"')
_BARE = 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" }\n'
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { %s } }\n'
_SCALE = 'layer { name: "s" type: "Scale" bottom: "%s" top: "%s" }\n'
_IP = 'layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip" %s }\n'
_LOSS = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "%s" bottom: "label" }\n'
_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 8, 8] } } }\n'
_DATA = 'layer { name: "d" type: "Data" top: "x" top: "label" %s }\n'
_CROP = "transform_param { crop_size: %d }"
_SMALL = "include { phase: TEST } transform_param { crop_size: 7 }"


def _beside(training: str) -> dict[str, str]:
    return {"train_val.prototxt": training}


VALID = (
    # It is reported in the deploy net.
    Example(
        "bvlc",
        _DATA % "" + _CONV % "num_output: 9" + _LOSS % "c",
        {"deploy.prototxt": _INPUT + _EIGHT},
        "train_val.prototxt",
    ),
    # DIGITS gives a last layer its outputs later.
    Example(
        "bvlc", _INPUT + _EIGHT, _beside(_DATA % "" + _CONV % "" + _LOSS % "c"), "deploy.prototxt"
    ),
    # Convolutions see images of any size.
    Example(
        "bvlc",
        _INPUT + _EIGHT + _NEXT,
        _beside(_DATA % (_CROP % 9) + _EIGHT + _NEXT + _LOSS % "n"),
        "deploy.prototxt",
    ),
    # Folded into a convolution whose bias is not spoken of.
    Example(
        "bvlc",
        _INPUT + _BARE + _IP % "",
        _beside(_DATA % "" + _BARE + _BN % "" + _SCALE % ("c", "c") + _IP % "" + _LOSS % "ip"),
        "deploy.prototxt",
    ),
    # What is done to the input may be what training does to its images.
    Example(
        "bvlc",
        _INPUT + _SCALE % ("x", "x") + _EIGHT,
        _beside(_DATA % "" + _EIGHT + _LOSS % "c"),
        "deploy.prototxt",
    ),
    _valid("bvlc", _deploy(_BIAS), _training(_BIAS, crop=_SAME_CROP)),
    _valid("bvlc", _OTHER_NET, _training(_PLAIN)),
    _valid("nvidia-0.17", _deploy(_PLAIN, _OWN_BN % "eps: 1e-9"), _training(_PLAIN, _OWN_BN % "")),
    _valid("bvlc", _deploy(_BIAS), _training(_PLAIN, _OWN_BN % "", _SCALE % ("c", "c"))),
    _valid("bvlc", _deploy(_BIAS), _training(_BIAS, _OWN_BN % "", _SCALE % ("c", "c"))),
    _valid("bvlc", _deploy(_PLAIN.replace("3", "1")), _training(_PLAIN.replace("3", "1"))),
    _valid(
        "bvlc",
        _deploy(_BIAS, _POOL % "global_pooling: true"),
        _training(_BIAS, _POOL % "kernel_size: 6"),
    ),
    _valid(
        "bvlc",
        _deploy(_BIAS).replace("layer", _SCALE % ("x", "x") + "layer", 1),
        _training(_BIAS),
    ),
    _valid(
        "bvlc",
        _deploy(_BIAS),
        _training(
            _BIAS, _AUX % ("ab", "BatchNorm", "c", "ab"), _AUX % ("al", "EuclideanLoss", "ab", "al")
        ),
    ),
)
INVALID = (
    # The size of an image is that of the phase which has the layer.
    Invalid(
        "bvlc",
        _INPUT + _EIGHT + _IP % "",
        (4,),
        None,
        _beside(
            _DATA % ("include { phase: TRAIN } " + _CROP % 8)
            + _DATA % _SMALL
            + _EIGHT
            + _IP % "include { phase: TRAIN }"
            + _IP % "include { phase: TEST }"
            + _LOSS % "ip"
        ),
        "deploy.prototxt",
    ),
    _invalid("bvlc", _deploy(_PLAIN), _training(_PLAIN + " pad: 1"), 3),
    _invalid("bvlc", _deploy(_PLAIN + " stride: 2"), _training(_PLAIN), 3),
    _invalid("bvlc", _deploy(_PLAIN + " group: 2"), _training(_PLAIN), 3),
    _invalid("bvlc", _deploy(_PLAIN), _training(_PLAIN + " dilation: 2"), 3),
    _invalid(
        "bvlc",
        _deploy(_BIAS, _POOL % "pool: AVE kernel_size: 3"),
        _training(_BIAS, _POOL % "kernel_size: 3"),
        5,
    ),
    _invalid(
        "nvidia-0.17",
        _deploy(_PLAIN, _OWN_BN % "scale_bias: true"),
        _training(_PLAIN, _OWN_BN % ""),
        5,
    ),
    _invalid(
        "bvlc",
        _deploy(_PLAIN, _OWN_BN % ""),
        _training(_PLAIN, _OWN_BN % "", _SCALE % ("c", "c")),
        2,
    ),
    _invalid("bvlc", _deploy(_BIAS, _OWN_BN % ""), _training(_BIAS), 4),
    _invalid("bvlc", _deploy(_BIAS), _training(_PLAIN), 3),
    _invalid("bvlc", _deploy(_BIAS), _training(_BIAS.replace("8", "9")), 3),
    _invalid("bvlc", _deploy(_PLAIN, _OWN_BN % ""), _training(_BIAS, _OWN_BN % ""), 3),
    _invalid("bvlc", _deploy(_BIAS), _training(_BIAS, crop="transform_param { crop_size: 9 }"), 4),
)
