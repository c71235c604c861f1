"""More of SV013: settings that do no harm."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.sv013_setting_refused_by_solver_type import _FIXED

VALID = (
    Example("bvlc", f'{_FIXED}type: "RMSProp"\nrms_decay: 0\n'),
    Example("intel", f'{_FIXED}type: "RMSProp"\nmomentum: 0.9\n'),
)
INVALID = (
    Invalid(
        "intel", f'{_FIXED}type: "AdaGrad"\nmomentum: 0.9\n', (5,), f'{_FIXED}type: "AdaGrad"\n'
    ),
)
