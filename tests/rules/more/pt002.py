"""More of PT002: which field may be meant, and where one belongs."""

from protolint.lint.rule import Example, Invalid

_CONV = 'layer { name: "c" type: "Convolution" %s }\n'
VALID = (
    # Goes with its layer's type, which PT005 reports.
    Example("bvlc", 'layer { name: "o" type: "Own" own_param { } }\n'),
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
)
