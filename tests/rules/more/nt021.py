"""More of NT021: the heads of a detector that is trained, and heads that cannot be followed up."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer
from protolint.rules.nt021_shapes_disagree import _SSD

_TWO = 'layer { name: "t" type: "%s" bottom: "%s" bottom: "%s" top: "t" }\n'

_NET = """\
layer { name: "i" type: "DummyData" top: "x" top: "image" top: "label"
  dummy_data_param { shape { dim: [1, 8, 4, 4] } shape { dim: [1, 3, 32, 32] }
    shape { dim: [1, 1, 1, 8] } } }
layer { name: "prior" type: "PriorBox" bottom: "x" bottom: "image" top: "prior"
  prior_box_param { min_size: 4 aspect_ratio: 2 } }
layer { name: "loc" type: "Convolution" bottom: "x" top: "loc"
  convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc" top: "loc_flat" }
layer { name: "conf" type: "%s" bottom: "x" top: "conf" %s }
layer { name: "conf_flat" type: "Flatten" bottom: "conf" top: "conf_flat" }
layer { name: "out" type: "MultiBoxLoss" include { phase: TRAIN }
  bottom: "loc_flat" bottom: "conf_flat" bottom: "prior" bottom: "label" top: "out"
  multibox_loss_param { num_classes: 5 } }
"""
_POOL = layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }")

_CONV_Z = layer("Convolution", "convolution_param { num_output: %d %s }", "%s", "z")
_CONV = "convolution_param { num_output: 30 kernel_size: 1 }"
INVALID = (
    Invalid("ssd", _NET % ("Convolution", _CONV), (12,)),
    Invalid("ssd", _NET % ("InnerProduct", "inner_product_param { num_output: 99 }"), (12,)),
    Invalid("nvidia-0.17", _SSD % ("2, 3", 25), (12,)),
    Invalid(
        "bvlc",
        INPUT
        + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Eltwise", "x", "y"),
        (6,),
    ),
    Invalid(
        "nvidia-0.17",
        INPUT
        + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Concat", "x", "y"),
        (6,),
    ),
    Invalid(
        "bvlc",
        INPUT
        + layer("InnerProduct", "inner_product_param { num_output: 7 }")
        + _TWO % ("SoftmaxWithLoss", "y", "x"),
        (6,),
    ),
    # The pooling makes 5 of 9, the convolution 4.
    Invalid(
        "bvlc",
        INPUT
        + _POOL
        + _CONV_Z % ("x", 4, "kernel_size: 3 stride: 2")
        + _TWO % ("Eltwise", "y", "z"),
        (10,),
    ),
    # Both come from the pooling, or have its height and width.
    Invalid(
        "bvlc",
        INPUT + _POOL + _CONV_Z % ("y", 4, "kernel_size: 3") + _TWO % ("Eltwise", "y", "z"),
        (10,),
    ),
    Invalid(
        "bvlc",
        INPUT
        + _POOL
        + _CONV_Z % ("x", 2, "kernel_size: 1 stride: 2")
        + _TWO % ("Eltwise", "y", "z"),
        (10,),
    ),
    # A deconvolution makes more than it reads without rounding.
    Invalid(
        "bvlc",
        INPUT
        + layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 stride: 2 }")
        + _TWO % ("Eltwise", "x", "y"),
        (6,),
    ),
    Invalid("bvlc", INPUT + layer("Reshape", "reshape_param { shape { dim: [0, 5, -1] } }"), (4,)),
)

VALID = (
    Example(
        "bvlc",
        INPUT
        + layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Eltwise", "y", "y"),
    ),
    Example(
        "bvlc",
        INPUT
        + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }")
        + _TWO % ("Concat", "x", "y"),
    ),
    Example(
        "bvlc",
        'layer { name: "d" type: "Data" top: "x" data_param { source: "s" batch_size: 2 } }\n'
        + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }")
        + _TWO % ("Eltwise", "x", "y"),
    ),
)
