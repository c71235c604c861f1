"""More of SV010: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_FIXED = 'net: "a"\nbase_lr: 0.1\nlr_policy: "fixed"\n'

VALID = (
    Example("ssd", _FIXED.replace("fixed", "plateau")),
    Example("nvidia-0.17", f'{_FIXED}type: "SAG"\nmomentum_policy: "poly"\n'),
    Example("nvidia-0.17", f'{_FIXED}larc_policy: "none"\n'),
    Example("nvidia-0.14", f"{_FIXED}solver_type: ADAGRAD\n"),
    # Nothing decays.
    Example("bvlc", f'{_FIXED}regularization_type: "none"\n'),
    Example("ssd", f'{_FIXED}eval_type: "detection"\ntest_iter: 1\ntest_interval: 1\n'),
    # Nothing is tested.
    Example("ssd", f'{_FIXED}eval_type: "boxes"\n'),
    Example("bvlc", f'{_FIXED}type: "AdaDelta"\n'),
)
INVALID = (
    Invalid("bvlc", f'{_FIXED}type: "SAG"\n', (4,)),
    Invalid("bvlc", f'{_FIXED}type: "Momentum"\n', (4,)),
    Invalid(
        "bvlc", _FIXED.replace("fixed", "multi-step"), (3,), _FIXED.replace("fixed", "multistep")
    ),
    Invalid("nvidia-0.15", 'net: "a"\nbase_lr: 0.1\n', (2,)),
    Invalid("nvidia-0.15", _FIXED.replace("fixed", "plateau"), (3,)),
    Invalid(
        "ssd",
        f"{_FIXED}weight_decay: 1e-4\nregularization_type: 'l2'\n",
        (5,),
        f'{_FIXED}weight_decay: 1e-4\nregularization_type: "L2"\n',
    ),
    Invalid("nvidia-0.17", f'{_FIXED}momentum_policy: "linear"\n', (4,)),
    Invalid("nvidia-0.16", f'{_FIXED}larc: true\nlarc_policy: "none"\n', (5,)),
    Invalid("ssd", f'{_FIXED}eval_type: "boxes"\ntest_iter: 1\ntest_interval: 1\n', (4,)),
)
