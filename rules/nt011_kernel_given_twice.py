"""A kernel, stride or padding given in two ways, or by half.

What it does
    Reports `kernel_size`, `pad` or `stride` beside its `_h` or `_w` form, one of `kernel_h`
    and `kernel_w` alone, a lone half of a stride (in pooling also of a padding), and
    `global_pooling` beside a kernel, a stride other than 1 or a padding other than 0.

Why it matters
    Set-up aborts: `Either kernel_size or kernel_h/w should be specified; not both.` Half a
    stride in a convolution makes it divide by zero.

Which Caffe
    All. `kernel_h` and `kernel_w` go with `pad` and `stride`, and half a padding in a
    convolution leaves the other half at 0. Pooling looks at `kernel_size` alone where one of
    `kernel_h` and `kernel_w` is missing.

Fix
    Unsafe: keeps the `_h` and `_w` fields where both are given, else the other form; writes
    the missing half of a stride or padding.

Evidence
    LayerSetUp of base_conv_layer.cpp and pooling_layer.cpp in every branch; seen in BVLC master
    and NVIDIA 0.14.5 to 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.layers.window import conflicts
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.init import faults_of
from protolint.net.net import Net
from protolint.text.tree import Block
from protolint.text.write import append_field, delete_fields

from ._construction import findings

_PARAMETER = {
    name: ALL_TYPES[name].parameters[0]
    for name in ("Convolution", "Deconvolution", "Im2col", "Pooling")
}


@net_rule("NT011", "kernel-given-twice", Severity.ERROR, faults=(Kind.KERNEL,))
def check(net: Net) -> Iterator[Finding]:
    for finding, (fault, _) in zip(
        findings(net, Kind.KERNEL), faults_of(net, Kind.KERNEL), strict=True
    ):
        yield finding._replace(fix=_fix(net, fault.layer))


def _fix(net: Net, layer: Layer | None) -> Fix | None:
    param = None if layer is None else layer.parameter(_PARAMETER[layer.type])
    if layer is None or param is None:
        return None
    fault = next(conflicts(layer, param))
    nodes = [node for field in fault.surplus for node in param.nodes_of(field)]
    if fault.missing and isinstance(param.node, Block):
        edits = [append_field(net.source, param.node, [fault.missing])]
        return Fix(f"Add {fault.missing}", tuple(edits), Applicability.UNSAFE)
    if not nodes or any(node.in_list for node in nodes):
        return None
    edits = delete_fields(net.source, nodes)
    return Fix(f"Remove {' and '.join(fault.surplus)}", tuple(edits), Applicability.UNSAFE)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer {
  name: "a" type: "Convolution" bottom: "x" top: "a"
  convolution_param { kernel_size: 3 kernel_h: 3 kernel_w: 3 }
}
""",
        (3,),
        fixed="""\
layer {
  name: "a" type: "Convolution" bottom: "x" top: "a"
  convolution_param { kernel_h: 3 kernel_w: 3 }
}
""",
    ),
)
