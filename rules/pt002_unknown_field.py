"""A field that no Caffe's schema has at this place.

What it does
    Reports a field name that neither the target nor any other dialect or known fork has in
    that message, and names the nearest one that it has.

Why it matters
    The text parser of every Caffe refuses the whole file. The first advice in the DIGITS
    thread on BatchNorm carried such a typo: `val` for `value` inside a filler.

Which Caffe
    All. A field that another dialect knows is PT003.

Fix
    Safe: writes `blobs_lr`, `weight_decay` and `blob_share_mode` of the old `layers` as `param`
    blocks. Unsafe: renames the field where one name is one letter away or a known slip.

Evidence
    NVIDIA/DIGITS#629, BVLC/caffe#4429, jolibrain/deepdetect#88.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import ProblemKind
from protolint.caffe.descriptors import FieldType, load_schema
from protolint.caffe.legacy import V1_PARAM_FIELDS, V1_TYPES
from protolint.caffe.registry import DEFAULT
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.lint.rule import Finding, Invalid, file_rule
from protolint.suggest import nearest
from protolint.text.tree import Block, Node, Scalar
from protolint.text.values import BAD, quoted
from protolint.text.write import replace
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile

from ._owners import owners_of
from .pt005_unknown_layer_type import goes_with_its_type

#: Messages whose fields are often written too deep or too high, and what they are called.
_PLACES = {
    "LayerParameter": "the layer",
    "NetParameter": "the net",
    "SolverParameter": "the solver",
}

#: Fields of old layers that a current one has in `param` blocks.
_IN_PARAM = {old: new for old, new in V1_PARAM_FIELDS.items() if old != "param"}


@file_rule("PT002", "unknown-field", Severity.ERROR, reader=True, problems=True)
def check(file: LintFile) -> Iterator[Finding]:
    goes = goes_with_its_type(file)
    for problem in file.problems:
        if problem.kind is not ProblemKind.UNKNOWN_FIELD or owners_of(file, problem):
            continue
        node, message = problem.node, problem.message
        if goes(problem):
            continue
        found = nearest(node.name, message.fields)
        if found and not _is_meant(file, message.fields[found[0]], node):
            found = None
        hint = f"; did you mean '{found[0]}'?" if found else _home(node.name)
        if file.kind is FileKind.OTHER:
            hint = "; the file is neither a net nor a solver: give one"
        elif node.name in ("layer", "layers") and message.name in (
            "LayerParameter",
            "V1LayerParameter",
        ):
            hint = "; a '}' is missing above it: close the layer there"
        elif message.name == "PriorBoxParameter" and not found:
            hint = "; perhaps a fork of SSD Caffe has it: without it the boxes are others, and so"
            hint += " is the num_output of the heads"
        fix = None
        if message.name == "LayerParameter" and node.name in _IN_PARAM:
            hint = f": it is of the old `layers`; write param {{ {_IN_PARAM[node.name]}: ... }}"
            fix = _in_param(file, node)
        elif found and found[1] <= 1 and "missing above" not in hint:
            edit = replace(node.name_span, found[0])
            fix = Fix(f"Rename to '{found[0]}'", (edit,), Applicability.UNSAFE)
        yield Finding(
            node.name_span,
            f"{message.name} has no field '{node.name}'{hint}",
            layer=file.layer_at(node.start),
            fix=fix,
            alike="" if node.name in _IN_PARAM else f"{message.name}.{node.name}",
        )


def _is_meant(file: LintFile, field: FieldType, node: Node) -> bool:
    """Whether a field could be meant by a misspelt one.

    A message has the fields that are in it; the parameter of a layer is that of its type.
    """
    if field.kind != "message" or not isinstance(node, Block):
        return True
    if any(child.name not in field.message.fields for child in node.children):
        return False
    layer = file.layer_block_at(node.start)
    if layer is None or node not in layer.children or field.name in ("param", "transform_param"):
        return True
    known = ALL_TYPES.get(_type_of(layer))
    return known is not None and field.name in known.parameters


def _type_of(layer: Block) -> str:
    for child in layer.children:
        if child.name == "type" and isinstance(child, Scalar):
            content = quoted(child.raw)
            return V1_TYPES.get(child.raw, "") if content is BAD else content.decode("latin-1")
    return ""


def _home(field: str) -> str:
    """Return the end of a message on a field that no message of this name has."""
    fields = load_schema(DEFAULT.schema).messages
    for name, place in _PLACES.items():
        if field in fields[name].fields:
            return f"; it is a field of {place}: move it there"
    return "; take it out, or give your Caffe's schema with --proto"


def _in_param(file: LintFile, node: Node) -> Fix | None:
    """Return the fix of every such field of a layer, at the first of them."""
    from protolint.upgrading.layer_v1 import misplaced_params

    layer = file.layer_block_at(node.start)
    if layer is None or next(c for c in layer.children if c.name in _IN_PARAM) is not node:
        return None
    edits = misplaced_params(file.source, layer)
    return Fix("Write param blocks", edits) if edits else None


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer {
  name: "bn1"
  type: "BatchNorm"
  batch_norm_param {
    scale_filler { type: "constant" val: 1 }
  }
}
""",
        (5,),
        fixed="""\
layer {
  name: "bn1"
  type: "BatchNorm"
  batch_norm_param {
    scale_filler { type: "constant" value: 1 }
  }
}
""",
    ),
)
