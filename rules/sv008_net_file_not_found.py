"""A net that the solver names and that is not where protolint looks.

What it does
    Reports a file named by `net`, `train_net` or `test_net` that is found neither from the
    working directory nor from the folder of the solver nor from any folder above it, or that
    cannot be read as a net.

Why it matters
    Rules on a solver and its net together, such as SV001 and SV005, have nothing to look at
    and stay silent.

Which Caffe
    All. Caffe takes the name as relative to the folder it is started in, which a file cannot
    say; that a net is not found here does not mean that Caffe will not find it, so this is
    advice. Absolute names from another machine are the usual case.

Evidence
    ReadNetParamsFromTextFileOrDie (src/caffe/util/upgrade_proto.cpp) of every branch opens
    the name as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver


@solver_rule("SV008", "net-file-not-found", Severity.INFO)
def check(solver: Solver) -> Iterator[Finding]:
    reported: set[str] = set()
    for reference in solver.references:
        if not reference.found and reference.path not in reported:
            reported.add(reference.path)
            yield Finding(
                reference.node.span,
                f"'{reference.path}' is not found from here; protolint cannot look at the net "
                "together with its solver",
            )


_RELU = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
_NET = {"net.prototxt": _RELU}
VALID = (
    Example("bvlc", 'net: "net.prototxt"\nbase_lr: 0.1\n', _NET),
    Example("bvlc", 'net: "models/a/net.prototxt"\nbase_lr: 0.1\n', _NET),
    Example("bvlc", f"base_lr: 0.1\nnet_param {{ {_RELU} }}\n"),
    Example("bvlc", "base_lr: 0.1\nmax_iter: 10\n"),
)
INVALID = (
    Invalid("bvlc", 'net: "train_val.prototxt"\nbase_lr: 0.1\n', (1,)),
    Invalid(
        "nvidia-0.15",
        'train_net: "net.prototxt"\ntest_net: "a.prototxt"\ntest_net: "b.prototxt"\n'
        'test_net: "a.prototxt"\n',
        (2, 3),
        None,
        _NET,
    ),
)
