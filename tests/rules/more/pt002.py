"""More of PT002: which field may be meant, and where one belongs."""

from protolint.lint.rule import Example, Invalid

_CONV = 'layer { name: "c" type: "Convolution" %s }\n'
VALID = (
    # Goes with its layer's type, which PT005 reports.
    Example("bvlc", 'layer { name: "o" type: "Own" own_param { } }\n'),
    # Known to NVIDIA Caffe: PT003.
    Example("bvlc", 'layer { name: "b" type: "BatchNorm" batch_norm_param { engine: CAFFE } }\n'),
    # Wrong values and repeated fields are for PT007 and PT004.
    Example("bvlc", 'layer { name: 3 name: "a" }\n'),
    # A wrong value in a field that BVLC alone has: PT007.
    Example("bvlc", "layer { clip_param { min: low max: 1 } }\n"),
    Example("bvlc", 'layer { name: "c" type: "Convolution" convolution_param { pad: 1 } }\n'),
)
INVALID = (
    Invalid("ssd", "layer { prior_box_param { min_sise: 2 } }\n", (1,)),
    Invalid("bvlc", "layer { convolution_param { blobs_lr: 1 } }\n", (1,)),
    Invalid("bvlc", "layers { layers: 1 }\n", (1,)),
    # Each of its own name is one finding, but for the fields of old layers.
    Invalid("bvlc", "param { }\nparam { }\n", (1,)),
    # A block can be meant as a field that is none.
    Invalid("bvlc", "layer { nam { } }\n", (1,), fixed="layer { name { } }\n"),
    Invalid("bvlc", 'laye { name: "a" }\n', (1,), fixed='layer { name: "a" }\n'),
    Invalid(
        "bvlc",
        _CONV % 'convolution_param { weight_fillr { type: "msra" } }',
        (1,),
        fixed=_CONV % 'convolution_param { weight_filler { type: "msra" } }',
    ),
    Invalid("bvlc", _CONV % "parm { lr_mult: 1 }", (1,), fixed=_CONV % "param { lr_mult: 1 }"),
    Invalid(
        "bvlc",
        _CONV % "transform_parm { scale: 1 }",
        (1,),
        fixed=_CONV % "transform_param { scale: 1 }",
    ),
    Invalid(
        "bvlc",
        'layer { name: "n" type: "LRN" grn_param { k: 3 } }\n',
        (1,),
        fixed='layer { name: "n" type: "LRN" lrn_param { k: 3 } }\n',
    ),
    Invalid(
        "ssd",
        'item { name: "cat" id: 1 }\nitem { name: "dog" id: 2 }\n',
        (1,),
        fixed='item { name: "cat" label: 1 }\nitem { name: "dog" label: 2 }\n',
    ),
    Invalid("bvlc", 'classes { name: "cat" }\n', (1,)),
    Invalid("bvlc", "layer { data_param { transform_param { scale: 1 } } }\n", (1,)),
    Invalid(
        "bvlc",
        "layers { type: LRN grn_param { k: 3 } }\n" * 2,
        (1,),
        fixed="layers { type: LRN lrn_param { k: 3 } }\n" * 2,
    ),
    # Another layer's parameter, and one whose fields LRN has not, are not what is meant.
    Invalid("bvlc", 'layer { type: "ReLU" grn_param { } }\n', (1,)),
    Invalid("bvlc", 'layer { type: "LRN" grn_param { groups: 3 } }\n', (1,)),
    Invalid("bvlc", 'layer {\n  name: "a"\nlayer { name: "b" }\n}\n', (3,)),
    Invalid("bvlc", 'layer {\n  name: "a"\nlayers { name: "b" }\n}\n', (3,)),
    Invalid("bvlc", 'layers {\n  name: "a"\nlayers { name: "b" }\n}\n', (3,)),
    Invalid("bvlc", "layer { transform_param { layer: 1 } }\n", (1,)),
    Invalid("bvlc", "layer { include { layers: 1 } }\n", (1,)),
    Invalid("bvlc", "layer { convolution_param { numoutputs: 8 } }\n", (1,)),
    Invalid("bvlc", "layer { frobnicate: 1 }\n", (1,)),
    Invalid("ssd", "layer { prior_box_param { extra_ar: 2 } }\n", (1,)),
    Invalid(
        "bvlc",
        """\
layer {
  name: "c"
  blobs_lr: 1  # weights
  blobs_lr: 2
  weight_decay: 0
}
""",
        (3, 4, 5),
        fixed="""\
layer {
  name: "c"
  param {
    lr_mult: 1
    decay_mult: 0
  }  # weights
  param {
    lr_mult: 2
  }
}
""",
    ),
    # Whose is the rate?
    Invalid("bvlc", "layer { param { } blobs_lr: 1 }\n", (1,)),
    Invalid("bvlc", "layer { blob_share_mode: STRICT }\n", (1,)),
)
