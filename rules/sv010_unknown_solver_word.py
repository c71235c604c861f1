"""A solver type, policy or regularization that the Caffe does not have.

What it does
    Reports a `type`, `lr_policy`, `regularization_type`, `momentum_policy`, `larc_policy` or
    `eval_type` that is none of those the Caffe takes; case counts. A missing `lr_policy` is
    reported, too: there is no default.

Why it matters
    `Unknown solver type: ADAM` when the solver is made; `Unknown learning rate policy: multi-
    step` and `Unknown regularization type: l2` in the first step, after the nets and all data
    have been loaded.

Which Caffe
    All. SSD also has the policy `plateau`, Intel `plateau` and `multifixed`; `momentum_policy`
    and `larc_policy` are those of NVIDIA 0.16 and later, `eval_type` those of SSD and Intel. A
    regularization is not looked at by Caffe where nothing decays.

Fix
    Safe where only the case is wrong, else unsafe: the nearest name.

Evidence
    SolverRegistry (include/caffe/solver_factory.hpp), GetLearningRate and Regularize
    (src/caffe/solvers/sgd_solver.cpp) of every branch; verdicts of real builds of BVLC, SSD
    and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.lint.rule import Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverFault, SolverKind
from protolint.net.solver_init import solver_faults
from protolint.suggest import nearest
from protolint.text.tree import Scalar
from protolint.text.values import quoted
from protolint.text.write import quote, replace_value


@solver_rule("SV010", "unknown-solver-word", Severity.ERROR, faults=(SolverKind.WORD,))
def check(solver: Solver) -> Iterator[Finding]:
    for fault in solver_faults(solver, SolverKind.WORD):
        yield Finding(fault.span, fault.message, fix=_fix(fault))


def _fix(fault: SolverFault) -> Fix | None:
    node = fault.node
    if not isinstance(node, Scalar):
        return None
    word = quoted(node.raw).decode("utf-8", "replace")
    found = nearest(word.replace("-", "").replace("_", ""), fault.names)
    if found is None:
        return None
    safe = found[0].lower() == word.lower()
    applicability = Applicability.SAFE if safe else Applicability.UNSAFE
    return Fix(f"Use {found[0]}", (replace_value(node, quote(found[0])),), applicability)


INVALID = (
    Invalid(
        "bvlc",
        """\
net: "a"
base_lr: 0.1
lr_policy: "fixed"
type: "ADAM"
""",
        (4,),
        fixed="""\
net: "a"
base_lr: 0.1
lr_policy: "fixed"
type: "Adam"
""",
    ),
)
