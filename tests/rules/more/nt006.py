"""More of NT006: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(top: str, reader: str, more: str = "", data: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{data}" top: "data" top: "label" }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" }}
layer {{
  name: "bn"
  type: "BatchNorm"
  bottom: "c"
  top: "{top}"
  {more}
}}
layer {{ name: "ip" type: "InnerProduct" bottom: "{reader}" top: "ip" }}
"""


VALID = (
    Example("bvlc", _net("c", "c")),
    Example("bvlc", _net("bn", "c", data="Input")),
    Example("bvlc", _net("bn", "data")),
    Example("bvlc", _net("bn", "c") + 'layer { name: "s" type: "Silence" bottom: "bn" }\n'),
    Example(
        "nvidia-0.15",
        _net("bn", "c")
        + 'layer { name: "e" type: "Eltwise" bottom: "bn" bottom: "ip" top: "e" '
        + "include { phase: TEST } }\n",
    ),
    Example("bvlc", _net("bn", "c").replace('  top: "bn"\n', "")),
    Example("bvlc", _net("bn", "c").replace('  bottom: "c"\n', "")),
    Example("bvlc", _net("c", "data")),
)
INVALID = (
    Invalid("nvidia-0.17", _net("bn", "c", "include { phase: TRAIN }"), (7,)),
    Invalid("nvidia-0.15", _net("bn", "c").replace("BatchNorm", "Scale"), (7,)),
    Invalid("bvlc", _net("bn", 'label" bottom: "c'), (7,)),
)
