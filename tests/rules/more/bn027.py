"""More of BN027: a training net whose own phases do not fit, with its deploy net beside it."""

from protolint.lint.rule import Example, Invalid

_TRAIN = """\
layer { name: "d" type: "Data" top: "x" top: "label" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "y" %s }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" }
"""
_DEPLOY = """\
input: "x" input_dim: [1, 3, 8, 8]
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
%s}
"""
_TWINS = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TRAIN } %s }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TEST }
%s}
"""
_OWN_CAFFE, _CUDNN, _DEFAULT = (
    f"batch_norm_param {{ engine: {engine} }}" for engine in ("CAFFE", "CUDNN", "DEFAULT")
)


def _beside(batchnorm: str) -> dict[str, str]:
    return {"train_val.prototxt": _TRAIN % batchnorm}


_TEST_ONLY = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "y" include { phase: TEST } }\n'


_CONV = 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" }\n'
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "y" %s }\n'
_CAFFE = "batch_norm_param { engine: CAFFE }"
INVALID = (
    Invalid(
        "nvidia-0.15",
        'layer { name: "d" type: "Data" top: "x" top: "label" }\n'
        + _CONV
        + _BN % "include { phase: TRAIN }"
        + _BN % f"include {{ phase: TEST }} {_CAFFE}"
        + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" }\n',
        (4,),
        others={"deploy.prototxt": 'input: "x" input_dim: [1, 3, 8, 8]\n' + _CONV + _BN % ""},
        name="train_val.prototxt",
    ),
    Invalid("nvidia-0.14", _TWINS % (_OWN_CAFFE, ""), (3,)),
    Invalid(
        "nvidia-0.15",
        _DEPLOY % f"  {_OWN_CAFFE}\n",
        (5,),
        fixed=_DEPLOY % f"  {_CUDNN}\n",
        others=_beside(_CUDNN),
        name="deploy.prototxt",
    ),
    Invalid(
        "nvidia-0.15", _DEPLOY % f"  {_OWN_CAFFE}\n", (5,), None, _beside(""), "deploy.prototxt"
    ),
    Invalid(
        "nvidia-0.15",
        _DEPLOY % "",
        (3,),
        None,
        _beside(_OWN_CAFFE.replace("CAFFE", "1")),
        "deploy.prototxt",
    ),
    Invalid(
        "nvidia-0.15",
        _TWINS % ("", f"  {_OWN_CAFFE}\n"),
        (5,),
        others={"deploy.prototxt": _DEPLOY % ""},
        name="train_val.prototxt",
    ),
)
VALID = (
    Example("nvidia-0.15", _TWINS % (_OWN_CAFFE, f"  {_OWN_CAFFE}\n")),
    Example("nvidia-0.15", _DEPLOY % "", _beside(_DEFAULT), "deploy.prototxt"),
    Example("nvidia-0.14", _DEPLOY % f"  {_OWN_CAFFE}\n", _beside(_OWN_CAFFE), "deploy.prototxt"),
    Example(
        "nvidia-0.15", _TRAIN % _OWN_CAFFE, {"deploy.prototxt": _DEPLOY % ""}, "train.prototxt"
    ),
    Example("nvidia-0.15", _DEPLOY % f"  {_OWN_CAFFE}\n"),
    Example(
        "nvidia-0.15", (_TWINS % ("", f"  {_OWN_CAFFE}\n")).replace("phase: TEST", "min_level: 1")
    ),
    Example(
        "nvidia-0.15",
        (_DEPLOY % f"  {_OWN_CAFFE}\n").replace('"bn"', '"own"'),
        _beside(_CUDNN),
        "deploy.prototxt",
    ),
    Example(
        "nvidia-0.15",
        _DEPLOY % f"  {_OWN_CAFFE}\n",
        {"train_val.prototxt": _TRAIN % f"{_OWN_CAFFE} include {{ phase: TRAIN }}" + _TEST_ONLY},
        "deploy.prototxt",
    ),
    # Two layers of one name: NT005.
    Example(
        "nvidia-0.15",
        (_TWINS % ("", f"  {_OWN_CAFFE}\n")).replace("phase: TEST", "").replace("phase: TRAIN", ""),
    ),
)
