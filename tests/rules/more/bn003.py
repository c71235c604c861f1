"""More of BN003: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn003_missing_scale_filler import _NET

VALID = (
    Example("nvidia-0.15", _NET % "  batch_norm_param { scale_filler { value: 1 } }\n"),
    Example("nvidia-0.14", _NET % "  batch_norm_param { engine: CAFFE }\n"),
    Example("nvidia-0.15", _NET.replace("Data", "Input") % ""),
)

INVALID = (
    Invalid(
        "nvidia-0.14",
        _NET % "",
        (2,),
        fixed=_NET
        % """\
  batch_norm_param {
    scale_filler { type: "constant" value: 1 }
    bias_filler { type: "constant" value: 0 }
  }
""",
    ),
    Invalid(
        "nvidia-0.15",
        _NET % "  batch_norm_param {\n    bias_filler { value: 2 }\n  }\n",
        (7,),
        fixed=_NET
        % """\
  batch_norm_param {
    bias_filler { value: 2 }
    scale_filler { type: "constant" value: 1 }
  }
""",
    ),
)
