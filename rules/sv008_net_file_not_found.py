"""A net that the solver names and that is not where protolint looks.

What it does
    Reports a file named by `net`, `train_net` or `test_net` that lies neither in the working
    directory nor beside the solver nor in a folder above it in the project: the folder with
    `.git` or protolint's configuration, else the working directory. Such a file is an error if
    its name has no folder, or if it lies beside the solver under another name or without the
    folder that is given; else advice.

Why it matters
    Caffe aborts as soon as it makes the solver: `File not found: nett.prototxt`. And rules on a
    solver and its net together, such as SV001 and SV005, have nothing to look at.

Which Caffe
    All. Caffe takes the name as relative to the folder it is started in, which a file cannot
    say; so a name with a folder may be right from elsewhere, and absolute names are often
    those of another machine. If the file lies beside the solver, it is looked at together
    with it all the same.

Evidence
    ReadNetParamsFromTextFileOrDie (src/caffe/util/upgrade_proto.cpp) of every branch opens
    the name as it is; verdicts of real builds of BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind
from protolint.net.solver_init import solver_faults


@solver_rule("SV008", "net-file-not-found", Severity.INFO)
def check(solver: Solver) -> Iterator[Finding]:
    certain = {f.span: f.message for f in solver_faults(solver, SolverKind.NET_FILE)}
    reported: set[str] = set()
    for reference in solver.references:
        span, path = reference.node.span, reference.path
        if reference.found or path in reported:
            continue
        if span in certain:
            reported.add(path)
            yield Finding(span, certain[span], severity=Severity.ERROR)
        elif reference.net is None:
            reported.add(path)
            yield Finding(
                span,
                f"'{path}' is not found from here, so the net is not looked at together with its "
                "solver; start protolint where Caffe starts",
            )


_RELU = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
_NET = {"net.prototxt": _RELU}
VALID = (Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', _NET),)
INVALID = (Invalid("bvlc", 'net: "train_val.prototxt"\nbase_lr: 0.1\n', (1,)),)
