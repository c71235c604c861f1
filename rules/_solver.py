"""What the rules on solvers share: which net is for what, and its batch."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Label
from protolint.edit import Edit, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding
from protolint.net.net import Net
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind
from protolint.net.solver_init import solver_faults
from protolint.source import Source, Span
from protolint.text.style import begins_line, indent_of, line_end
from protolint.text.tree import Block, Scalar
from protolint.text.write import append_field, delete_fields, replace_value

#: The net beside the solver in examples.
NET = {
    "net.prototxt": (
        'layer { name: "d" type: "DummyData" top: "x"\n'
        "  dummy_data_param { shape { dim: [2, 3] } } }\n"
        'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"\n'
        "  inner_product_param { num_output: 2 } }\n"
    )
}


def training_nets(solver: Solver) -> list[Net]:
    """Return the nets that are known and that the solver trains."""
    return _nets(solver, ("net", "train_net", "net_param", "train_net_param"))


def testing_nets(solver: Solver) -> list[Net]:
    """The nets that are known and that the solver tests."""
    return _nets(solver, ("net", "test_net", "net_param", "test_net_param"))


def _nets(solver: Solver, fields: tuple[str, ...]) -> list[Net]:
    return [ref.net for ref in solver.given if ref.net is not None and ref.field in fields]


def findings(solver: Solver, *kinds: SolverKind) -> Iterator[Finding]:
    """Yield a finding for each fault of some kinds that the walk through Solver::Init finds."""
    seen = set()
    for fault in solver_faults(solver, *kinds):
        # What keeps a net from being built in two states is one fault.
        key = (fault.span, fault.related or fault.message)
        if key in seen:
            continue
        seen.add(key)
        yield Finding(fault.span, fault.message, related=fault.related)


def removal(solver: Solver, node: Scalar | Block | None, title: str) -> Fix | None:
    """Return the safe fix that takes a field of a solver out; None where it is in a list."""
    if node is None or node.in_list:
        return None
    return Fix(title, tuple(delete_fields(solver.source, [node])))


def batchnorms(nets: list[Net], phase: str) -> Iterator[tuple[Net, Layer]]:
    """Each BatchNorm that runs in a phase, with its net."""
    for net in nets:
        for layer in net.batchnorms:
            if net.is_active(layer, phase):
                yield net, layer


def batch_size(net: Net) -> tuple[int, Span] | None:
    """Return the smallest batch that a data layer takes in training, and where it is written."""
    found = []
    for layer in net.layers:
        known = ALL_TYPES.get(layer.type)
        if layer.bottoms or known is None or not net.is_active(layer, "TRAIN"):
            continue
        for field in known.parameters:
            param = layer.parameter(field)
            if param is not None and "batch_size" in param.type.fields:
                node = param.node_of("batch_size")
                span = node.span if node is not None else layer.anchor(field)
                found.append((param.integer("batch_size"), span))
    return min(found, default=None)


def label(solver: Solver, net: Net, span: Span, text: str) -> Label:
    """Return a label in a net that may stand in the solver or in a file of its own."""
    return Label(span, text, None if net.source is solver.source else net.source)


def first_place(message: Message, field: str) -> Span:
    """Where a field that is given first stands."""
    node = message.node_of(field)
    return node.span if node is not None else Span(0, 0)


def set_field(
    source: Source, message: Message, field: str, value: str, before: Scalar | Block
) -> Edit | None:
    """Return the edit that gives a field of a message a value.

    Where the field is not there yet it goes in front of another one, or to the end of a
    message that is itself a field. None where neither place is safe to write to.
    """
    node = message.node_of(field)
    if isinstance(node, Scalar):
        return replace_value(node, value)
    if message.node is not None:
        return append_field(source, message.node, [f"{field}: {value}"])
    if before.in_list:
        return None
    behind = " "
    if begins_line(source, before.start):
        behind = line_end(source) + indent_of(source, before)
    return Edit(before.start, before.start, f"{field}: {value}{behind}")
