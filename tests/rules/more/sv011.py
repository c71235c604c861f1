"""More of SV011: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET

_FIXED = 'base_lr: 0.1\nlr_policy: "fixed"\n'


VALID = (
    Example("bvlc", f'net: "net.prototxt"\n{_FIXED}', NET),
    Example("bvlc", f'train_net: "net.prototxt"\ntest_net: "a"\ntest_net: "b"\n{_FIXED}', NET),
)

INVALID = (
    Invalid("bvlc", f'test_net: "net.prototxt"\n{_FIXED}', (1,), None, NET),
    Invalid(
        "nvidia-0.17",
        f'net: "net.prototxt"\ntrain_net: "net.prototxt"\n{_FIXED}',
        (2,),
        None,
        NET,
    ),
    Invalid("nvidia-0.14", f'net: "net.prototxt"\n{_FIXED}net_param {{ }}\n', (1,), None, NET),
)
