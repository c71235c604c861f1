"""More of NT004: a layer that overwrites two blobs is reported once."""

from protolint.lint.rule import Invalid

INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "a" type: "Convolution" bottom: "data" top: "a" }
layer { name: "b" type: "Convolution" bottom: "data" top: "b" }
layer { name: "ra" type: "ReLU" bottom: "a" top: "a" }
layer { name: "rb" type: "ReLU" bottom: "b" top: "b" }
layer { name: "bn" type: "BatchNorm" bottom: "a" bottom: "b" top: "a" top: "b" }
""",
        (6,),
    ),
)
