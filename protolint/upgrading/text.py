"""The upgrade of a prototxt: nets of every generation, and solvers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from protolint.caffe.binder import BindProblem, Message, ProblemKind
from protolint.caffe.dialect import Dialect
from protolint.caffe.legacy import FORK_V1_TYPES, SOLVER_TYPES
from protolint.edit import Edit, LaterEdits
from protolint.source import Span
from protolint.text.comments import comments_in, keep_comments, verbatim
from protolint.text.insert import laid_out
from protolint.text.tree import Block, ListValue, Node, Scalar, Tree
from protolint.text.write import append_field, delete_fields, quote, replace_value
from protolint.upgrading.inputs import new_inputs
from protolint.upgrading.layer_v0 import layer_lines, old_layer
from protolint.upgrading.layer_v1 import (
    is_transformed,
    param_edits,
    transformed,
    type_edits,
    v1_type,
    written_type,
)
from protolint.upgrading.padding import PADDING, PaddingError, padding_read
from protolint.upgrading.report import Loss, Upgraded, refusal

__all__ = ["upgrade_solver", "upgrade_text"]

#: Fields of the net that UpgradeV0Net copies; it clears all others.
_V0_NET = frozenset({"name", "layers", "input", "input_dim", "force_backward"})
_V0, _V1 = "V0 layers", "V1 layers"


def upgrade_text(
    tree: Tree,
    message: Message,
    misfits: Sequence[BindProblem],
    dialect: Dialect,
    *,
    is_solver: bool,
    lenient: bool = False,
) -> Upgraded:
    """Return the upgrade of a prototxt, with what it drops and what it leaves as it is.

    `misfits` are the fields that do not fit the dialect's schema. With `lenient` a net with
    `layers` and `layer` keeps both, and unknown fields of V0 layers are dropped. Raises InputError
    for a file that Caffe refuses to read or to upgrade.
    """
    kept = _check_readable(tree, misfits, lenient=lenient)
    if is_solver:
        made = upgrade_solver(tree, message, dialect)
    else:
        made = _Net(tree, message, dialect, lenient=lenient).upgraded()
    return made._replace(losses=(*made.losses, *kept))


def _check_readable(tree: Tree, misfits: Sequence[BindProblem], *, lenient: bool) -> list[Loss]:
    """Raise InputError for a text that no upgrade can start from; return what is left as it is.

    That is one that is no text format, or has a field twice, a wrong value, or a field of
    another generation. Fields that are only unknown are those of forks, and stay.
    """
    source = tree.source
    for problem in tree.problems:
        if problem.fatal:
            raise refusal(source, problem.span, problem.message)
    unknown = []
    for misfit in misfits:
        node, name, holder = misfit.node, misfit.node.name, misfit.message
        if misfit.kind is ProblemKind.UNKNOWN_FIELD:
            old = holder.schema.messages["V1LayerParameter"].fields
            if holder.name == "LayerParameter" and name in old:
                raise refusal(
                    source, node, f"`{name}` is of a V1 layer; in `layer` it is `param {{ ... }}`"
                    " (protolint check --fix)",
                )  # fmt: skip
            if holder.name == "V0LayerParameter":
                if lenient:
                    continue
                raise refusal(source, node, f"no V0 layer has a field `{name}`")
            unknown.append(Loss(node, f"the target does not know `{name}`; it stays as it is"))
        elif misfit.kind is ProblemKind.DUPLICATE_FIELD:
            raise refusal(source, node, f"`{name}` is given twice in one {holder.name}")
        elif misfit.kind is ProblemKind.MISSING_FIELD:
            raise refusal(source, node, f"a {holder.name} has not all that it requires")
        elif not (isinstance(node, Scalar) and _is_fork_type(misfit, node)):
            value = f" {node.raw}" if isinstance(node, Scalar) and node.raw else " what is written"
            wanted = misfit.field.takes if misfit.field is not None else "something else"
            raise refusal(source, node, f"`{name}` of {holder.name} is {wanted}, not{value}")
    return unknown


def _is_fork_type(misfit: BindProblem, node: Scalar) -> bool:
    known = node.raw in FORK_V1_TYPES
    return known and misfit.message.name == "V1LayerParameter" and node.name == "type"


class _Net:
    """The upgrade of one net."""

    def __init__(
        self, tree: Tree, net: Message, dialect: Dialect, *, lenient: bool = False
    ) -> None:
        self.lenient = lenient
        self.tree, self.net, self.dialect = tree, net, dialect
        self.source = tree.source
        self.edits: list[Edit] = []
        self.losses: list[Loss] = []
        self.moved: list[Span] = []
        self.forms: list[str] = []
        self.old = [
            (message, node)
            for message, node in net.values.get("layers", ())
            if isinstance(message, Message) and isinstance(node, Block)
        ]
        self.is_v0 = any("layer" in message for message, _ in self.old)

    def upgraded(self) -> Upgraded:
        """Return what every step drops, or refuse the net; those of V1 layers are made later."""
        if self.old:
            self._mixed()
            self._lists()
            if self.is_v0:
                self._v0()
            else:
                self._v1()
        above, self.edits = self.edits, []
        if self.dialect.has_input_layer:
            self._inputs()
        if self.dialect.zeroes_three_params:
            self._batchnorms()
        edits = LaterEdits(self._written, above)
        return Upgraded(edits, tuple(self.losses), tuple(self.forms))

    def _written(self, above: list[Edit]) -> tuple[Edit, ...]:
        """Return the edits of every step; `above` are those before the layers of V1."""
        layers = [] if self.is_v0 else self._v1_edits()
        return keep_comments(self.source, [*above, *layers, *self.edits], self.moved)

    def _top(self, name: str) -> list[Node]:
        return [child for child in self.tree.children if child.name == name]

    def _mixed(self) -> None:
        """Refuse a net with both kinds of layers, or drop what its Caffe drops."""
        nodes = self._top("layer")
        if self.is_v0:
            nodes = [child for child in self.tree.children if child.name not in _V0_NET]
            nodes = [node for node in nodes if node.name in self.net.type.fields]
        elif self.lenient:
            return
        elif nodes and not self.dialect.drops_layers_of_mixed_nets:
            raise refusal(
                self.source,
                nodes[0],
                "the net has `layers` and `layer`; Caffe refuses to upgrade it: write all of"
                " them as `layer`",
            )
        beside = "V0 layers" if self.is_v0 else "`layers`"
        self.losses += [Loss(n, f"{n.name} stands beside {beside}; it is dropped") for n in nodes]
        self.edits += delete_fields(self.source, nodes)

    def _lists(self) -> None:
        """Rename `layers: [...]`; its items have no name of their own."""
        for node in self._top("layers"):
            if isinstance(node, ListValue):
                self.edits.append(Edit(*node.name_span, "layer"))

    def _v1(self) -> None:
        """Refuse a net with a type whose new name is not known."""
        self.forms.append(_V1)
        if self._has_transforms:
            self.forms.append("old data transformation")
        for message, node in self.old:
            if not v1_type(message):
                written_type(self.source, message, node)

    @cached_property
    def _has_transforms(self) -> bool:
        return any(is_transformed(message) for message, _ in self.old)

    def _v1_edits(self) -> list[Edit]:
        edits = []
        for message, node in self.old:
            if not node.in_list:
                edits.append(Edit(*node.name_span, "layer"))
            edits += type_edits(self.source, message, node)
            edits += param_edits(self.source, node)
            if self._has_transforms:
                new, moved = transformed(self.source, message, node)
                edits += new
                self.moved += moved
        return edits

    def _v0(self) -> None:
        self.forms.append(_V0)
        layers = [old_layer(message) for message, _ in self.old]
        try:
            read = padding_read(layers, self.net.texts("input"))
        except PaddingError as error:
            layer, (_, node) = layers[error.position], self.old[error.position]
            raise refusal(self.source, node, f"layer '{layer.name}': {error}") from None
        for i, (message, node) in enumerate(self.old):
            if layers[i].type == PADDING:
                self._without(node)
                continue
            padding = self.old[read[i]][0] if i in read else None
            new = layer_lines(self.source, message, node, padding)
            self.losses += new.losses
            text = laid_out(self.source, new.lines, node).lstrip(" \t")
            self.edits.append(Edit(node.start, node.end, text))

    def _without(self, node: Block) -> None:
        """Take a padding layer out; its comments stay."""
        if node.in_list:
            raise refusal(self.source, node, "padding in a list of layers; write `layers` blocks")
        if not comments_in(self.source, node.start, node.end):
            self.edits += delete_fields(self.source, [node])
            return
        found = [verbatim(self.source, *s) for s in comments_in(self.source, node.start, node.end)]
        self.edits.append(Edit(node.start, node.end, "\n".join(found)))

    def _inputs(self) -> None:
        first = next((n for n in self.tree.children if n.name in ("layer", "layers")), None)
        found = new_inputs(self.tree, self.net, first, with_shapes=not self.is_v0)
        if found.edits:
            self.forms.append("input fields")
        self.edits += found.edits
        self.losses += found.losses
        self.moved += found.moved

    def _batchnorms(self) -> None:
        """Set the multipliers of three `param` blocks of a BatchNorm to 0."""
        changed = False
        for message in self.net.messages("layer"):
            params = message.messages("param")
            if message.text("type") != "BatchNorm" or len(params) != 3 or self.is_v0:
                continue
            for param in params:
                changed |= self._zero(param)
        if changed:
            self.forms.append("BatchNorm with multipliers")

    def _zero(self, param: Message) -> bool:
        added = []
        before = len(self.edits)
        for name in ("lr_mult", "decay_mult"):
            node = param.node_of(name)
            if node is None:
                added.append(f"{name}: 0")
            elif isinstance(node, Scalar) and param.number(name) != 0:
                self.edits.append(replace_value(node, "0"))
        if added and param.node is not None:
            self.edits.append(append_field(self.source, param.node, added))
        return len(self.edits) > before


def upgrade_solver(tree: Tree, solver: Message, dialect: Dialect) -> Upgraded:
    """Return the upgrade of a solver, as UpgradeSolverAsNeeded makes it.

    Raises InputError for a solver with both kinds of type. Nets inside it stay: no Caffe
    upgrades them.
    """
    node = solver.node_of("solver_type")
    if not isinstance(node, Scalar) or dialect.names_solvers_by_enum:
        return Upgraded(())
    if "type" in solver:
        raise refusal(
            tree.source, node, "the solver has `solver_type` and `type`; Caffe aborts: keep `type`"
        )
    text = f"type: {quote(SOLVER_TYPES[solver.text('solver_type')])}"
    edits = keep_comments(tree.source, [Edit(node.start, node.end, text)])
    return Upgraded(edits, (), ("solver_type",))
