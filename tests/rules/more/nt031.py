"""More of NT031: other fillers, and a layer without num_output."""

from protolint.lint.rule import Example, Invalid


def _net(channels: int, inside: str, more: str = "param { lr_mult: 0 }") -> str:
    return f"""\
layer {{ name: "d" type: "DummyData" top: "x"
  dummy_data_param {{ shape {{ dim: [1, {channels}, 8, 8] }} }} }}
layer {{
  name: "up"
  type: "Deconvolution"
  bottom: "x"
  top: "up"
  {more}
  convolution_param {{
    kernel_size: 4
    stride: 2
    weight_filler {{ type: "bilinear" }}
    bias_term: false
    {inside}
  }}
}}
"""


_GROUPED = _net(2, "num_output: 2\n    group: 2").replace("Deconv", "Conv")


_NET = """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "up" type: "Deconvolution" bottom: "x" top: "up" param { lr_mult: 0 }
  convolution_param { kernel_size: 4 %s } }
"""
VALID = (
    Example("bvlc", _NET % 'num_output: 2 weight_filler { type: "msra" } # no bilinear\n'),
    Example("bvlc", _NET % 'weight_filler { type: "bilinear" }'),
    Example("bvlc", _net(1, "num_output: 1")),
    Example("bvlc", _net(1, "num_output: 3")),
    Example("bvlc", _net(3, "num_output: 1")),
    Example("bvlc", _net(2, "num_output: 2", "param { lr_mult: 1 }")),
    Example("bvlc", _net(2, "num_output: 2", "param { lr_mult: 0 } include { phase: TEST }")),
    Example("bvlc", _net(2, "num_output: 2").replace("bilinear", "msra")),
    Example("bvlc", _net(2, "num_output: 2 group: 0")),
    Example("bvlc", _net(2, "num_output: 2 group: 2")),
)

INVALID = (
    Invalid("nvidia-0.17", _net(4, "num_output: 4 group: 2"), (12,)),
    Invalid("bvlc", _net(3, "num_output: 2"), (12,)),
    Invalid("bvlc", _net(2, "num_output: 2 group: 1"), (12,)),
    Invalid("bvlc", _net(2, "num_output: 2").replace("Deconv", "Conv"), (12,), _GROUPED),
)
