"""More of NT008: a top is no bottom."""

from protolint.lint.rule import Invalid

_DATA = 'layer { name: "d" type: "Data" top: "a" top: "b" include { stage: "%s" } }\n'
_SCALE = 'layer { name: "s" type: "Scale" bottom: "a" %s: "b" top: "c" %s }\n'
INVALID = (
    Invalid(
        "nvidia-0.15",
        _DATA % "train"
        + _DATA % "val"
        + _SCALE % ("bottom", 'include { stage: "deploy" }')
        + _SCALE % ("top", "include { phase: TRAIN }"),
        (4,),
    ),
)
