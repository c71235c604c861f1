"""More of NT001: what the message says of the blob, and when the layer can be taken out."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt001_unknown_bottom import _DATA, _LOSS
from protolint.rules.nt001_unknown_bottom import _DATA as _OWN_DATA
from protolint.rules.nt001_unknown_bottom import _LOSS as _OWN_LOSS

_OWN_READ = 'layer { name: "r" type: "ReLU" bottom: "%s" top: "r" }\n'

_OWN_IP = 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }\n'

_OWN_STAGES = _OWN_DATA % 'include { stage: "train" }' + _OWN_DATA % 'include { stage: "val" }'


_READ = 'layer { name: "r" type: "ReLU" bottom: "%s" top: "r%s" }\n'
_IP = 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"%s }\n'
_STAGES = _DATA % 'include { stage: "train" }' + _DATA % 'include { stage: "val" }'
_FED = 'layer { name: "i" type: "Input" top: "data" include { stage: "deploy" } }\n'
_SOFTMAX = 'layer { name: "s" type: "Softmax" bottom: "ip" top: "s" include { stage: "deploy" } }\n'
_INPUT = 'input: "data" input_dim: [1, 1, 1, 1]\n'
_NO_DEPLOY = ' exclude { stage: "deploy" }'
VALID = (
    # NT028.
    Example("bvlc", _READ % ("x", '" include { phase: TRAIN } exclude { phase: TEST } name: "n')),
    Example("bvlc", _OWN_DATA % "include { phase: TRAIN }" + _OWN_LOSS % ""),
    Example(
        "nvidia-0.15",
        _OWN_DATA % 'include { stage: "train" }'
        + _OWN_DATA % 'include { stage: "val" }'
        + _OWN_LOSS % ' exclude { stage: "deploy" }',
    ),
)
INVALID = (
    # So many are no slips of the pen: the last gets no near name.
    Invalid(
        "bvlc",
        _DATA % "" + "".join(_READ % ("lable", number) for number in range(51)),
        tuple(range(2, 53)),
    ),
    # No source at all is no deploy net.
    Invalid("bvlc", _LOSS % "", (1, 1)),
    # No state has the producer.
    Invalid("bvlc", _DATA % "include { min_level: 9 }" + _READ % ("data", ""), (2,)),
    # The producer reads a blob: it is no data layer that DIGITS replaces.
    Invalid("nvidia-0.15", _STAGES + _FED + _IP % _NO_DEPLOY + _READ % ("ip", ""), (5,)),
    # The layer that the deploy net is for does not need this one.
    Invalid(
        "nvidia-0.15",
        _STAGES + _FED + _IP % "" + _LOSS % "" + _SOFTMAX,
        (5,),
        fixed=_STAGES + _FED + _IP % "" + _LOSS % _NO_DEPLOY + _SOFTMAX,
    ),
    # A loss that another layer reads, or in a list, is not taken out.
    Invalid("bvlc", _INPUT + _LOSS % ' top: "l"' + _READ % ("l", ""), (2,)),
    Invalid(
        "bvlc", _INPUT + _LOSS.replace("layer {", "layer: [{").replace("}\n", "}]\n") % "", (2,)
    ),
    Invalid(
        "bvlc",
        'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "b" include { phase: TRAIN } }\n'
        'layer { name: "r" type: "ReLU"\n  bottom: "b" top: "r" }\n',
        (4,),
    ),
    Invalid(
        "nvidia-0.17", 'input: "x"\nlayer { name: "r" type: "ReLU" bottom: "x" top: "r" }\n', (2,)
    ),
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n', (1,)),
    Invalid("bvlc", _OWN_DATA % "" + _OWN_READ % "ip" + _OWN_IP, (2,)),
    Invalid("bvlc", _OWN_DATA % "" + _OWN_READ % "lable", (2,)),
    Invalid("nvidia-0.15", _OWN_STAGES + _OWN_LOSS % ' exclude { stage: "none" }', (3, 3)),
    Invalid("nvidia-0.15", _OWN_STAGES + _OWN_LOSS % " include { }", (3,)),
    # What the deploy net is for stays in it.
    Invalid(
        "nvidia-0.15",
        (_OWN_STAGES + _OWN_IP).replace('"data"', '"image"')
        + 'layer { name: "s" type: "Softmax" bottom: "ip" top: "s" include { stage: "deploy" } }\n',
        (3,),
    ),
    Invalid(
        "bvlc",
        'input: "data" input_dim: [1, 1, 1, 1]\n' + _OWN_LOSS % "" + _OWN_READ % "data",
        (2,),
        fixed='input: "data" input_dim: [1, 1, 1, 1]\n' + _OWN_READ % "data",
    ),
    Invalid(
        "bvlc",
        'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 2 } } }\n'
        + (_OWN_LOSS % "").replace("SoftmaxWithLoss", "Accuracy"),
        (2,),
        fixed='layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 2 } } }\n',
    ),
    Invalid("nvidia-0.15", _OWN_STAGES + _OWN_LOSS % " exclude { phase: TRAIN }", (3,)),
)
