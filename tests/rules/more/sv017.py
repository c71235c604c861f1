"""More of SV017: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET

_SOLVER = 'train_net: "net.prototxt"\ntest_net: "test.prototxt"\ntest_iter: 1\ntest_interval: 9\n'


def _nets(*pairs: str) -> dict[str, str]:
    text = NET["net.prototxt"]
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        text = text.replace(old, new)
    return {**NET, "test.prototxt": text}


VALID = (Example("bvlc", _SOLVER, _nets("2, 3", "5, 3")),)

INVALID = (
    Invalid("bvlc", _SOLVER, (2,), None, _nets("num_output: 2", "num_output: 2 bias_term: false")),
    Invalid("nvidia-0.17", _SOLVER, (2,), None, _nets("2, 3", "2, 4")),
)
