"""A file of a model that is for another Caffe than the others.

What it does
    Looks at the files that belong together (a solver and the nets that it names, a deploy net
    and its training net) and reports one with something that no Caffe has which takes another
    of them, such as a solver with `solver_data_type`, of NVIDIA 0.16, for a net whose BatchNorms
    have the four `param` blocks of NVIDIA 0.15.

Why it matters
    One Caffe reads them all: it refuses one of the files, or aborts on it. The other findings
    are for the Caffe that most of the model's files point to.

Which Caffe
    All. A target that is asked for, or that a comment or the configuration names, is not
    questioned.

Evidence
    NVIDIA/caffe#473, NVIDIA/DIGITS#1433.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.lint.checked_file import CheckedFile
from protolint.lint.rule import Example, Finding, Invalid, checked_file_rule
from protolint.source import Span
from protolint.text.tree import Block, Node
from protolint.words import joined


@checked_file_rule("PT010", "model-files-disagree", Severity.WARNING, problems=True)
def check(checked: CheckedFile) -> Iterator[Finding]:
    for found in checked.disagreements:
        other = found.beside
        yield Finding(
            _head(found.own.node),
            f"{found.own.what} is for {joined(sorted(found.own.fits))}, but {other.name} has "
            f"{found.other.what}, for {joined(sorted(found.other.fits))}; "
            "write both for one Caffe, or name it with --target",
            related=(Label(_head(found.other.node), "for another", other.readings.tree.source),),
        )


def _head(node: Node) -> Span:
    return node.head_span if isinstance(node, Block) else node.span


VALID = (
    Example(
        "auto",
        """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "c" type: "InnerProduct" bottom: "x" top: "c" inner_product_param { num_output: 2 } }
layer {
  name: "b" type: "BatchNorm" bottom: "c" top: "b"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 }
  param { lr_mult: 0 }
}
layer { name: "s" type: "Silence" bottom: "b" }
""",
        others={
            "solver.prototxt": """\
net: "net.prototxt"
base_lr: 0.1
lr_policy: "fixed"
max_iter: 1
"""
        },
        name="net.prototxt",
    ),
)
INVALID = (
    Invalid(
        "auto",
        """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 3 } } }
layer { name: "c" type: "InnerProduct" bottom: "x" top: "c" inner_product_param { num_output: 2 } }
layer {
  name: "b" type: "BatchNorm" bottom: "c" top: "b"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 }
  param { lr_mult: 0 }
}
layer { name: "s" type: "Silence" bottom: "b" }
""",
        (3,),
        others={
            "solver.prototxt": """\
net: "net.prototxt"
base_lr: 0.1
lr_policy: "fixed"
max_iter: 1
larc: true
solver_data_type: FLOAT
"""
        },
        name="net.prototxt",
    ),
)
