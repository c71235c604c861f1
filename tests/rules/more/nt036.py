"""More of NT036: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(type: str, means: str, inside: str) -> str:
    return f"""\
layer {{
  name: "d"
  type: "{type}"
  top: "x"
  top: "t"
  transform_param {{ {means} }}
  {inside}
}}
"""


_TWO, _THREE = "mean_value: 1 mean_value: 2", "mean_value: [1, 2, 3]"

VALID = (
    Example("bvlc", _net("ImageData", _THREE, "")),
    Example("bvlc", _net("Data", _TWO, "")),
    Example("bvlc", _net("MemoryData", _TWO, "memory_data_param { channels: 2 }")),
    Example("bvlc", _net("ImageData", _TWO, "include { min_level: 2 }")),
    Example("bvlc", _net("ImageData", "mean_value: 1", "")),
)
INVALID = (
    Invalid("nvidia-0.17", _net("WindowData", _TWO, ""), (6,)),
    Invalid("bvlc", _net("Data", _TWO, "data_param { force_encoded_color: true }"), (6,)),
    Invalid("bvlc", _net("MemoryData", _THREE, "memory_data_param { channels: 1 }"), (6,)),
    Invalid("ssd", _net("AnnotatedData", _TWO, "data_param { force_encoded_color: true }"), (6,)),
)
