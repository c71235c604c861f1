"""More of SV008: a net that is found and cannot be read is for the rules on nets."""

from protolint.lint.rule import Example, Invalid

_RELU = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'

_NET = {"net.prototxt": _RELU}


VALID = (
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', {"net.prototxt": "layer {\n"}),
    Example("bvlc", 'net: "./net.prototxt"\nbase_lr: 0.1\n', _NET),
    Example("bvlc", f"base_lr: 0.1\nnet_param {{ {_RELU} }}\n"),
    Example("bvlc", "base_lr: 0.1\nmax_iter: 10\n"),
)
INVALID = (
    Invalid("bvlc", 'net: "NET.prototxt"\nbase_lr: 0.1\n', (1,), None, _NET),
    Invalid("bvlc", 'net: "models/net.prototxt"\nbase_lr: 0.1\n', (1,), None, _NET),
    Invalid("bvlc", 'net: "models/other.prototxt"\nbase_lr: 0.1\n', (1,), None, _NET),
    Invalid("bvlc", 'net: "/models/net.prototxt"\nbase_lr: 0.1\n', (1,)),
    Invalid(
        "nvidia-0.15",
        'train_net: "net.prototxt"\ntest_net: "a.prototxt"\ntest_net: "b.prototxt"\n'
        'test_net: "a.prototxt"\n',
        (2, 3),
        None,
        _NET,
    ),
)
