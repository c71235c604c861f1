"""More of PT010: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "c" type: "InnerProduct" bottom: "x" top: "c" inner_product_param { num_output: 2 } }
layer {
  name: "b" type: "BatchNorm" bottom: "c" top: "b"
%s}
layer { name: "s" type: "Silence" bottom: "b" }
"""
_BLOCKS = "  param { lr_mult: 1 }\n" * 2 + "  param { lr_mult: 0 }\n" * 2
_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 1\n'

_MORE = f'layer {{ name: "b2" type: "BatchNorm" bottom: "c" top: "b2"\n{_BLOCKS}}}\n'

VALID = (
    Example(
        "auto",
        _NET % "  batch_norm_param { scale_bias: true }\n",
        {"solver.prototxt": _SOLVER + "larc: true\n"},
        "net.prototxt",
    ),
    # Not of one model.
    Example("auto", _NET % _BLOCKS, {"solver.prototxt": "larc: true\n" + _SOLVER}, "n.prototxt"),
    # As asked: PT003 speaks.
    Example(
        "nvidia-0.15", _SOLVER + "larc: true\n", {"net.prototxt": _NET % _BLOCKS}, "solver.prototxt"
    ),
)
INVALID = (
    Invalid(
        "auto",
        _SOLVER + "larc: true\n",
        (5,),
        others={"net.prototxt": _NET % _BLOCKS + _MORE},
        name="solver.prototxt",
    ),
)
