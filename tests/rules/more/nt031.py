"""More of NT031: other fillers, and a layer without num_output."""

from protolint.lint.rule import Example

_NET = """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "up" type: "Deconvolution" bottom: "x" top: "up" param { lr_mult: 0 }
  convolution_param { kernel_size: 4 %s } }
"""
VALID = (
    Example("bvlc", _NET % 'num_output: 2 weight_filler { type: "msra" } # no bilinear\n'),
    Example("bvlc", _NET % 'weight_filler { type: "bilinear" }'),
)
