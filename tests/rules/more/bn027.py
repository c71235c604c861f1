"""More of BN027: a training net whose own phases do not fit, with its deploy net beside it."""

from protolint.lint.rule import Invalid

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
)
