"""More of SV014: more values, in and out of range."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET
from protolint.rules.sv014_solver_value_out_of_range import _STEP

_POLY = _STEP.replace("step", "poly")

VALID = (
    Example("bvlc", f"{_STEP.replace('step', 'fixed')}gamma: -1\n", NET),
    Example("ssd", f"{_STEP.replace('step', 'sigmoid')}gamma: -1\n", NET),
    Example("bvlc", _POLY, NET),
    Example("nvidia-0.17", f"{_POLY}max_iter: 0\n", NET),
    Example("nvidia-0.16", f"{_POLY}base_lr: 0.1\nmin_lr: 1\n", NET),
    Example("nvidia-0.17", f"{_STEP.replace('step', 'fixed')}base_lr: 0.1\nmin_lr: 1\n", NET),
    Example("bvlc", f"{_POLY}test_interval: 1\ntest_iter: 0\n", NET),
)
INVALID = (
    Invalid("bvlc", f"{_STEP}stepsize: 5\ngamma: -1\n", (4,), None, NET),
    Invalid("bvlc", _STEP.replace("step", "sigmoid"), (2,), None, NET),
    Invalid("bvlc", f"{_POLY}max_iter: 0\n", (3,), None, NET),
    Invalid("bvlc", f"{_POLY}average_loss: 0\n", (3,), None, NET),
    Invalid("nvidia-0.17", f"{_POLY}iter_size: 0\n", (3,), None, NET),
    Invalid("bvlc", f"{_POLY}iter_size: -1\n", (3,), None, NET),
    Invalid("nvidia-0.17", f"{_POLY}base_lr: 0.1\nmin_lr: 1\n", (3,), None, NET),
    Invalid("nvidia-0.17", f"{_POLY}min_lr: -1\n", (3,), None, NET),
    Invalid("intel", _STEP.replace("step", "multifixed") + "stagelr: 1\n", (2,), None, NET),
    Invalid("nvidia-0.15", f"{_STEP}stepsize: 0\n", (3,), None, NET),
    Invalid("bvlc", f"{_STEP}stepsize: -5\n", (3,), None, NET),
)
