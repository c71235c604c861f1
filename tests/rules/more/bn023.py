"""More of BN023: engines, and the phases in which averages move."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn023_moving_average_out_of_range import _net

_CAFFE = "engine: CAFFE"

VALID = (
    Example("nvidia-0.14", _net("1.0") % _CAFFE),
    Example("nvidia-0.17", _net("0.9") % ""),
    Example("nvidia-0.15", _net(".95") % ""),
    Example("bvlc", _net("2", "include { phase: TEST }") % ""),
    Example("nvidia-0.17", _net("1", data="Input") % ""),
    Example("bvlc", _net("0") % "use_global_stats: true"),
)
INVALID = (
    Invalid("nvidia-0.17", _net("0") % "", (5,)),
    Invalid("nvidia-0.16", _net("1.01") % "use_global_stats: true", (5,)),
    *(
        Invalid(target, _net("1") % engine, (5,))
        for target, engine in (
            ("nvidia-0.14", ""),
            ("nvidia-0.15", ""),
            ("nvidia-0.15", _CAFFE),
            ("nvidia-0.16", _CAFFE),
            ("nvidia-0.17", "engine: CUDNN"),
        )
    ),
    Invalid("bvlc", _net("1.5") % "", (5,)),
    Invalid("nvidia-0.14", _net("1.5") % _CAFFE, (5,)),
)
