"""More of SV012: numbers that agree."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET
from protolint.rules.sv012_test_net_count import _TESTS

VALID = (
    Example(
        "bvlc",
        f'net: "net.prototxt"\ntest_iter: 1\ntest_state {{ stage: "a" }}\n{_TESTS}',
        NET,
    ),
    Example("bvlc", 'net: "net.prototxt"\n', NET),
    Example(
        "bvlc",
        f'train_net: "net.prototxt"\ntest_net: "net.prototxt"\ntest_iter: 1\n{_TESTS}',
        NET,
    ),
)

INVALID = (
    Invalid(
        "bvlc",
        f'net: "net.prototxt"\ntest_net: "net.prototxt"\n{_TESTS}',
        (2,),
        None,
        NET,
    ),
    Invalid(
        "nvidia-0.17",
        f'net: "net.prototxt"\ntest_iter: 1\n{_TESTS}test_state {{ }}\ntest_state {{ }}\n',
        (4,),
        None,
        NET,
    ),
)
