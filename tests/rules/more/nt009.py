"""More of NT009: what the two nets need not have in common."""

from protolint.lint.rule import Example, Invalid

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
)
