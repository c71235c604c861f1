"""More of SV012: numbers that agree."""

from protolint.lint.rule import Example
from protolint.rules._solver import NET
from protolint.rules.sv012_test_net_count import _TESTS

VALID = (
    Example(
        "bvlc",
        f'net: "net.prototxt"\ntest_iter: 1\ntest_state {{ stage: "a" }}\n{_TESTS}',
        NET,
    ),
    Example("bvlc", 'net: "net.prototxt"\n', NET),
)
