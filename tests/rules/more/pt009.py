"""More of PT009: which files have an old form."""

from protolint.lint.rule import Example, Invalid

_V2 = """\
layer {
  name: "input"
  type: "Input"
  top: "x"
  input_param {
    shape {
      dim: 1
    }
  }
}
layer {
  name: "r"
  type: "ReLU"  # old
  bottom: "x"
  top: "x"
}
"""

_OLD = 'layers { name: "r" type: RELU bottom: "x" top: "y" }\n'
_NEW = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
VALID = (
    Example("bvlc", '# no layers\nitem { name: "a" }\n'),
    Example("bvlc", _NEW + _OLD),
    # Every program reads the old form of inputs.
    Example("bvlc", 'input: "x"\ninput_shape { dim: 1 }\n'),
    Example("bvlc", 'net: "a.prototxt"\ntype: "Adam"\n'),
    Example("nvidia-0.14", 'net: "a.prototxt"\nsolver_type: ADAM\n'),
    # SV009
    Example("bvlc", 'net: "a.prototxt"\ntype: "Adam"\nsolver_type: ADAM\n'),
    Example("bvlc", _V2),
)
INVALID = (
    Invalid("nvidia-0.14", _OLD, (1,), fixed=_NEW),
    Invalid(
        "nvidia-0.17",
        'layers { layer { name: "r" type: "relu" } bottom: "x" top: "x" }\n',
        (1,),
        fixed=None,
    ),
    # What Caffe drops is not dropped by a safe fix.
    Invalid(
        "bvlc",
        'input: "x"\ninput_dim: [1, 1, 1, 1]\n'
        'layers { layer { name: "r" type: "relu" pad: 1 } bottom: "x" top: "x" }\n',
        (3,),
    ),
    Invalid(
        "bvlc",
        'net: "a.prototxt"\nsolver_type: NESTEROV\n',
        (2,),
        fixed='net: "a.prototxt"\ntype: "Nesterov"\n',
    ),
)
