"""Old `layers` and new `layer` in one file, or one written in the other's way.

What it does
    Reports a file that has both `layer` and `layers`; a quoted type inside `layers`, or a
    word of the old enum as type inside `layer`; and an old-form type that the enum never
    had, such as `BATCHNORM`.

Why it matters
    Caffe refuses the mix, and the parser refuses the types. NVIDIA 0.14 does worse with the
    mix: it logs an error, drops every `layer` block and goes on with the rest.

Which Caffe
    All. A file with nothing but `layers` and the enum's words is upgraded when it is read.

Fix
    Safe: writes `layer` for one `layers` whose content is that of a `layer`.

Evidence
    lim0606/caffe-googlenet-bn#8, BVLC/caffe#2875, #2889, #5456, #3165.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import BindProblem, bind
from protolint.caffe.legacy import V1_TYPES
from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.text.tree import Block, Scalar
from protolint.text.values import BAD, quoted
from protolint.text.write import replace
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile

from ._owners import old_word


@file_rule(
    "PT006",
    "mixed-layer-generations",
    Severity.ERROR,
    reader=True,
    fields=("layers",),
    problems=True,
)
def check(file: LintFile) -> Iterator[Finding]:
    if file.kind is not FileKind.NET:
        return
    slip = _slip(file)
    if slip is not None:
        yield slip
    else:
        yield from _mixed(file)
    for problem in file.problems:
        message = wrong_generation(problem)
        if message and (slip is None or problem.message.name != "V1LayerParameter"):
            node = problem.node
            yield Finding(node.span, message, layer=file.layer_at(node.start))


def _slip(file: LintFile) -> Finding | None:
    """Return the finding on one `layers` among `layer` that is written like these."""
    nodes = file.message.nodes_of("layers")
    if len(nodes) != 1 or "layer" not in file.message:
        return None
    (node,) = nodes
    if not isinstance(node, Block) or node.in_list:
        return None
    fits = not bind(file.schema.messages["LayerParameter"], node.children)[1]
    if not fits or not any(child.name == "type" for child in node.children):
        return None
    edit = replace(node.name_span, "layer")
    return Finding(
        node.name_span,
        "one 'layers' among 'layer', and written like these; write 'layer'",
        layer=file.layer_at(node.start),
        fix=Fix("Write 'layer'", (edit,)),
    )


def _mixed(file: LintFile) -> Iterator[Finding]:
    old = file.message.nodes_of("layers")
    new = file.message.nodes_of("layer")
    if not old or not new:
        return
    minority, others = (old, new) if len(old) < len(new) else (new, old)
    node, other = minority[0], others[0]
    if file.dialect.drops_layers_of_mixed_nets:
        what = f"{file.dialect.name} drops every 'layer' and goes on with the rest"
    else:
        what = "upgrade the old part"
    yield Finding(
        node.name_span,
        f"'layers' (old form) and 'layer' (new form) cannot be mixed; {what}",
        layer=file.layer_at(node.start),
        related=(Label(other.name_span, f"the file also has '{other.name}'"),),
    )


def wrong_generation(problem: BindProblem) -> str | None:
    """Return the message for a layer type written in the other generation's way, else None."""
    node, field = problem.node, problem.field
    if field is None or field.name != "type":
        return None
    if not isinstance(node, Scalar):
        return None
    if problem.message.name == "LayerParameter" and node.raw in V1_TYPES:
        new = V1_TYPES[node.raw]
        return f"{node.raw} is a type of the old 'layers' form; in 'layer' write type: \"{new}\""
    if problem.message.name != "V1LayerParameter" or old_word(problem) is not None:
        return None
    content = quoted(node.raw)
    if content is not BAD:
        word = next((w for w, name in V1_TYPES.items() if name.encode() == content), None)
        how = f"write type: {word}" if word else "upgrade the layer to 'layer'"
        return f"the old 'layers' form takes its type without quotes; {how}"
    plain = node.raw.replace("_", "").lower()
    modern = next((name for name in ALL_TYPES if name.lower() == plain), None)
    if modern and modern not in V1_TYPES.values():
        return f"the old 'layers' form never had {node.raw}; write layer {{ type: \"{modern}\" }}"
    return None


VALID = (Example("bvlc", 'layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" }\n'),)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
layer { name: "b" type: "ReLU" bottom: "a" top: "b" }
layers { name: "c" type: RELU bottom: "b" top: "c" }
""",
        (3,),
    ),
    Invalid(
        "bvlc",
        'layer { type: "ReLU" }\nlayer { type: "ReLU" }\nlayers { type: "TanH" }\n',
        (3,),
        fixed='layer { type: "ReLU" }\nlayer { type: "ReLU" }\nlayer { type: "TanH" }\n',
    ),
)
