"""More of NT035: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _layer(type: str, inside: str) -> str:
    return f'layer {{\n  name: "d"\n  type: "{type}"\n  top: "x"\n{inside}}}\n'


_DATA = '  data_param {\n    source: "s"\n    batch_size: 8\n%s  }\n'
_MOVED = '  transform_param {\n    mean_file: "m"\n  }\n'
_MEAN = '    mean_file: "m"\n'

VALID = (
    Example("bvlc", 'layers { type: DATA top: "x" data_param { mean_file: "m" scale: 2 } }\n'),
    Example("bvlc", _layer("WindowData", "  window_data_param { scale: 2 }\n")),
    Example("bvlc", _layer("Data", _DATA % _MEAN + "  include { min_level: 2 }\n")),
    Example("bvlc", _layer("Data", _DATA % "" + _MOVED)),
)
INVALID = (
    Invalid(
        "nvidia-0.17", _layer("ImageData", "  image_data_param { crop_size: 8 }\n"), (5,), None
    ),
    Invalid(
        "bvlc",
        _layer("Data", _DATA % "    mirror: true\n" + "  transform_param { mirror: false }\n"),
        (8,),
    ),
    Invalid("bvlc", _layer("WindowData", "  window_data_param { scale: 2 mirror: true }\n"), (5,)),
    Invalid(
        "bvlc",
        _layer("Data", _DATA % _MEAN + "  transform_param {\n    scale: 2\n  }\n"),
        (8,),
        _layer("Data", _DATA % "" + '  transform_param {\n    scale: 2\n    mean_file: "m"\n  }\n'),
    ),
    Invalid("bvlc", _layer("Data", _DATA % "    scale: 2\n    scale: 3\n"), (8,)),
)
