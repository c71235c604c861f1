"""More of PT010: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.pt010_model_files_disagree import _BLOCKS, _NET, _SOLVER

_MORE = f'layer {{ name: "b2" type: "BatchNorm" bottom: "c" top: "b2"\n{_BLOCKS}}}\n'

VALID = (
    Example(
        "auto",
        _NET % "  batch_norm_param { scale_bias: true }\n",
        {"solver.prototxt": _SOLVER + "larc: true\n"},
        "net.prototxt",
    ),
    # Not of one model.
    Example("auto", _NET % _BLOCKS, {"solver.prototxt": "larc: true\n" + _SOLVER}, "n.prototxt"),
    # As asked: PT003 speaks.
    Example(
        "nvidia-0.15", _SOLVER + "larc: true\n", {"net.prototxt": _NET % _BLOCKS}, "solver.prototxt"
    ),
)
INVALID = (
    Invalid(
        "auto",
        _SOLVER + "larc: true\n",
        (5,),
        others={"net.prototxt": _NET % _BLOCKS + _MORE},
        name="solver.prototxt",
    ),
)
