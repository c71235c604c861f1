"""More of SV013: settings that do no harm."""

from protolint.lint.rule import Example, Invalid

_FIXED = 'net: "a"\nbase_lr: 0.1\nlr_policy: "fixed"\n'

VALID = (
    Example("bvlc", f'{_FIXED}type: "RMSProp"\nrms_decay: 0\n'),
    Example("intel", f'{_FIXED}type: "RMSProp"\nmomentum: 0.9\n'),
    Example("bvlc", f'{_FIXED}type: "AdaGrad"\nmomentum: 0\n'),
    Example("bvlc", f'{_FIXED}type: "Adam"\nmomentum: 0.9\nrms_decay: 2\n'),
)
INVALID = (
    Invalid(
        "intel", f'{_FIXED}type: "AdaGrad"\nmomentum: 0.9\n', (5,), f'{_FIXED}type: "AdaGrad"\n'
    ),
    Invalid(
        "nvidia-0.14",
        f"{_FIXED}solver_type: RMSPROP\nmomentum: 0.9\n",
        (5,),
        f"{_FIXED}solver_type: RMSPROP\n",
    ),
    Invalid("nvidia-0.17", f'{_FIXED}type: "RMSProp"\nrms_decay: 1\n', (5,)),
)
