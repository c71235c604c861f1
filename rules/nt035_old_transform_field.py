"""A mean, scale, crop or mirror where nobody reads it.

What it does
    Reports `mean_file`, `scale`, `crop_size` and `mirror` in `data_param` or `image_data_param` of
    a `layer`, and all but `scale` in `window_data_param`.

Why it matters
    The fields are those of files before `transform_param`. Caffe moves them only in nets with
    `layers { }`; in a `layer` they are parsed and never looked at, so that images come
    without their mean, in their full size or unscaled, and nothing says so.

Which Caffe
    All. In `layers { }` the fields are right.

Fix
    Unsafe: moves the field into `transform_param`, where there is none of that name.

Evidence
    BVLC/caffe#6131; NetNeedsDataUpgrade (src/caffe/util/upgrade_proto.cpp) of every branch
    looks at V1 layers alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.caffe.legacy import TRANSFORM_FIELDS, TRANSFORMED_TYPES
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import append_field, delete_fields

from ._layers import named


@net_rule("NT035", "old-transform-field", Severity.WARNING, words=tuple(TRANSFORM_FIELDS))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(TRANSFORMED_TYPES):
        param = layer.parameter(TRANSFORMED_TYPES[layer.type])
        if layer.generation < 2 or param is None or not net.keeps(layer):
            continue
        fields = [
            field
            for field in TRANSFORM_FIELDS
            if field in param and (layer.type, field) != ("WindowData", "scale")
        ]
        for field in fields[:1]:
            node = param.node_of(field)
            if node is None:
                continue
            where = TRANSFORMED_TYPES[layer.type]
            yield Finding(
                node.span,
                f"{named(layer)}: {field} in {where} is not read in a `layer`; it belongs into "
                "transform_param",
                layer=layer.name,
                fix=_fix(net, layer, param, field),
            )


def _fix(net: Net, layer: Layer, param: Message, field: str) -> Fix | None:
    node, target = param.node_of(field), layer.parameter("transform_param")
    if not isinstance(node, Scalar) or len(param.nodes_of(field)) > 1:
        return None
    line = f"{field}: {node.raw}"
    if target is None:
        new = append_field(net.source, layer.node, ["transform_param {", f"\t{line}", "}"])
    elif target.node is None or field in target:
        return None
    else:
        new = append_field(net.source, target.node, [line])
    edits = (*delete_fields(net.source, [node]), new)
    return Fix(f"Move {field} into transform_param", edits, Applicability.UNSAFE)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer {
  name: "d"
  type: "Data"
  top: "x"
  data_param {
    source: "s"
    batch_size: 8
    mean_file: "m"
  }
}
""",
        (8,),
        fixed="""\
layer {
  name: "d"
  type: "Data"
  top: "x"
  data_param {
    source: "s"
    batch_size: 8
  }
  transform_param {
    mean_file: "m"
  }
}
""",
    ),
)
