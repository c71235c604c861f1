"""From a plan to edits of the text: what is not changed keeps its bytes."""

from __future__ import annotations

import re

from protolint.caffe.binder import ProblemKind
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DIALECTS
from protolint.conversion import refusals
from protolint.conversion.decide.affine import CONVOLUTION
from protolint.conversion.decide.forms import Multipliers
from protolint.conversion.decide.memory import comment_of, mark
from protolint.conversion.decide.step import Action, Member, Plan, Reshape, Step
from protolint.conversion.refusal import Refusal
from protolint.conversion.text.batchnorm_param import norm_edits
from protolint.conversion.text.new_layers import (
    input_fields,
    param_lines,
    reshape_layer,
    rule_lines,
    scale_layer,
)
from protolint.edit import Edit, apply_edits, overlap
from protolint.errors import ProtolintError
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.rename import rename_top
from protolint.source import Source
from protolint.text.insert import (
    NewLayer,
    comment,
    delete_layer,
    insert_after,
    insert_after_field,
    insert_before,
    insert_line_before,
    replace_layer,
    rewrite,
)
from protolint.text.style import is_one_line
from protolint.text.tree import Block, ListValue, Node, Scalar
from protolint.text.write import append_field, delete_fields, quote, replace_value
from protolint.workspace.reading import LintFile, Readings

__all__ = [
    "convert_net",
    "converted",
    "net_edits",
    "source_refusals",
    "target_comments",
    "without_conflicts",
]

_TARGET = re.compile(r"(#[ \t]*protolint:[ \t]*target[ \t]*=[ \t]*)([^\s#]+)")


def source_refusals(file: LintFile) -> list[Refusal]:
    """Why a file cannot be converted at all: its own Caffe would not read it.

    Fields that only the user's own fork has are no reason.
    """
    line = file.source.line_number
    for problem in file.tree.problems:
        if problem.fatal:
            evidence = f"line {line(problem.span.start)}: {problem.message}"
            return [refusals.syntax(evidence)]
    found = []
    for misfit in file.misfits[:1]:
        evidence = (
            f"line {line(misfit.node.start)}: '{misfit.node.name}' does not fit "
            f"{misfit.message.name} of {file.dialect.name} ({misfit.kind.value})"
        )
        layer = file.layer_at(misfit.node.start) or ""
        if misfit.node.name == "bn_param":
            found.append(refusals.fork_norm(layer, evidence))
        else:
            found.append(refusals.misfit(layer, evidence, _readers(file), _unknown(file)))
    if any(isinstance(n, ListValue) and n.name == "layer" for n in file.tree.children):
        found.append(refusals.one_list())
    return found


def _readers(file: LintFile) -> list[str]:
    """Return the Caffes that take a text which its own does not."""
    readings = Readings.of(file.source, file.build)
    return [dialect.name for dialect in DIALECTS.values() if readings.read(dialect).accepted]


def _unknown(file: LintFile) -> list[str]:
    """Return the fields that a text's own Caffe does not know, none where more is wrong."""
    if any(misfit.kind is not ProblemKind.UNKNOWN_FIELD for misfit in file.misfits):
        return []
    return list(dict.fromkeys(f"{m.message.name}.{m.node.name}" for m in file.misfits))


def convert_net(file: LintFile, plan: Plan) -> list[Edit]:
    """Return the edits that make the net of a file one of the plan's target.

    Raises ProtolintError where the plan refuses.
    """
    if plan.refusals:
        raise ProtolintError(f"{file.source.path}: {plan.refusals[0]}")
    edits = net_edits(file.nets[0], plan)
    return without_conflicts([*edits, *target_comments(file.source, plan.source, plan.target)])


def converted(file: LintFile, plan: Plan) -> Source:
    """Return the file as the plan leaves it."""
    return Source(file.source.path, apply_edits(file.source.data, convert_net(file, plan)))


def target_comments(source: Source, before: Dialect, target: Dialect) -> list[Edit]:
    """Return the edits that make a comment which names the Caffe of a file name the new one."""
    if before == target or "protolint:" not in source.text:
        return []
    return [
        Edit(found.start(2), found.end(2), target.name) for found in _TARGET.finditer(source.text)
    ]


def net_edits(net: Net, plan: Plan) -> list[Edit]:
    """Return the edits of one net, wherever it stands in its file."""
    return _Editor(net, plan).edits()


def without_conflicts(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order, without those inside a deletion.

    Deletions that overlap are one.
    """
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        last = kept[-1] if kept else None
        if last is None or last.text or not overlap(last, edit):
            kept.append(edit)
        elif edit.end > last.end:
            kept[-1] = Edit(last.start, edit.end, edit.text)
    return kept


class _Editor:
    """One net, and the edits that are found for it."""

    def __init__(self, net: Net, plan: Plan) -> None:
        self.net = net
        self.plan = plan
        self.source = net.source
        self.target = plan.target
        self.names: dict[int, Edit] = {}
        self.found: list[Edit] = []
        self.folded: set[int] = set()

    def edits(self) -> list[Edit]:
        """Every edit; some may be inside what another one deletes."""
        same = self.plan.source == self.target
        pairs = sorted(
            (
                (member, step)
                for step in self.plan.steps
                if not (same and step.is_same)
                for member in step.members
            ),
            key=lambda pair: pair[0].layer,
        )
        for member, _ in pairs:
            if member.own_top:
                renamed = rename_top(self.net, self._layer(member), 0, member.own_top) or ()
                self.names.update((edit.start, edit) for edit in renamed)
                # A twin for a state that nobody runs writes to the same blob.
                self._set_name(self._layer(member).tops[0].node, quote(member.own_top))
        for member, step in pairs:
            self._names_of(member, step)
        for member, step in pairs:
            self._batchnorm(member, step)
        self._whole()
        self.found += self.names.values()
        return self.found

    def _layer(self, member: Member) -> Layer:
        return self.net.layers[member.layer]

    def _delete(self, layer: Layer) -> None:
        self.found += delete_layer(self.source, layer.node)

    # Names of blobs.

    def _name(self, node: Node) -> str:
        """Return the literal of a blob's name, as it will be."""
        at = node.value_start
        if at in self.names:
            return self.names[at].text
        return self.source.decode(at, node.end)

    def _set_name(self, node: Node, literal: str) -> None:
        if self._name(node) != literal:
            self.names[node.value_start] = Edit(node.value_start, node.end, literal)

    def _names_of(self, member: Member, step: Step) -> None:
        """Set what the tops and bottoms around a BatchNorm are called afterwards."""
        layer = self._layer(member)
        top = layer.tops[0].node
        if step.action in (Action.MERGE, Action.REPLACE) and member.scale is not None:
            self._set_name(top, self._name(self.net.layers[member.scale].tops[0].node))
        if member.added is not None:
            before, after = (self.net.layers[index] for index in member.added)
            name = self._name(after.tops[0].node)
            self._set_name(layer.bottoms[0].node, self._name(before.bottoms[0].node))
            self._set_name(top, name)
            for view in self.net.views_of(layer):
                for reader in view.readers(layer):
                    if reader is not after:
                        self._set_name(reader.bottoms[0].node, name)
                        self._set_name(reader.tops[0].node, name)
            self._delete(before)
            self._delete(after)

    # One BatchNorm.

    def _batchnorm(self, member: Member, step: Step) -> None:
        layer = self._layer(member)
        self._remember(layer, step)
        gone = step.action in (Action.MERGE, Action.REPLACE)
        if gone and member.scale is not None:
            self._delete(self.net.layers[member.scale])
        self._params(layer, step)
        if step.action is Action.FREEZE:
            self._freeze(layer)
        else:
            scale = self.net.layers[member.scale] if member.scale is not None else None
            dialects = (self.plan.source, self.target)
            self.found += norm_edits(self.source, layer, scale, member, step, dialects)
        if step.action is Action.FOLD and member.scale is not None:
            self._fold(self.net.layers[member.scale], step)
        below: list[NewLayer] = []
        top = self._name(layer.tops[0].node)
        reshape = member.reshape
        before = self._reshaped(layer, reshape) if reshape is not None else None
        if before is not None:
            top = self.names[layer.tops[0].node.value_start].text
        new = step.scale is not None and step.scale.before is None
        if new or step.action is Action.REPLACE:
            below.append(self._new_scale(layer, member, step, top))
        if before is not None and reshape is not None and reshape.behind is not None:
            scale = self.net.layers[reshape.behind]
            self._set_name(scale.bottoms[0].node, top)
            self._set_name(scale.tops[0].node, top)
            self.found.append(insert_after(self.source, scale.node, [before]))
        elif before is not None:
            below.append(before)
        if below:
            self.found.append(insert_after(self.source, layer.node, below))

    def _remember(self, layer: Layer, step: Step) -> None:
        """Put the comment of a memory in, take an older one out."""
        old = comment_of(self.source, layer.node)
        text = mark(step.memory) if step.memory is not None else ""
        if old is None:
            if text:
                self.found.append(comment(self.source, layer.node, text))
        elif self.source.decode(*old).strip() != text:
            self.found.append(Edit(old.start, old.end, f"  {text}" if text else ""))

    def _params(self, layer: Layer, step: Step) -> None:
        """Give a layer the `param` blocks of its step."""
        wanted = step.params
        if wanted is None:
            return
        nodes = [node for node in layer.node.children if node.name == "param"]
        blocks = [node for node in nodes if isinstance(node, Block)]
        if len(blocks) < len(nodes):
            # A list goes as a whole.
            self.found += delete_fields(self.source, nodes)
            blocks = []
        example = blocks[0] if blocks else self._example("param")
        for block, spec, param in zip(blocks, wanted, layer.params, strict=False):
            if Multipliers.of(param) != spec:
                lines = param_lines(spec, long=self._is_long(example))
                self.found.append(rewrite(self.source, layer.node, block, lines))
        self.found += delete_fields(self.source, blocks[len(wanted) :])
        missing = [
            line
            for spec in wanted[len(blocks) :]
            for line in param_lines(spec, long=self._is_long(example))
        ]
        if missing:
            place = blocks[-1] if blocks else layer.tops[0].node
            self.found.append(insert_after_field(self.source, layer.node, place, missing))

    def _example(self, name: str) -> Block | None:
        """Return the first message of a name in some layer of the net."""
        return next(
            (
                node
                for layer in self.net.layers
                for node in layer.node.children
                if node.name == name and isinstance(node, Block)
            ),
            None,
        )

    def _is_long(self, example: Block | None) -> bool:
        return example is not None and not is_one_line(self.source, example)

    def _freeze(self, layer: Layer) -> None:
        """Make a layer a Scale."""
        if isinstance(layer.type_node, Scalar):
            self.found.append(replace_value(layer.type_node, quote("Scale")))
        message = layer.parameter("batch_norm_param")
        lines = ["scale_param {", "\tbias_term: true", "}"]
        if message is not None and message.node is not None:
            self.found.append(rewrite(self.source, layer.node, message.node, lines))
        else:
            self.found.append(append_field(self.source, layer.node, lines))

    def _fold(self, scale: Layer, step: Step) -> None:
        """Give a Scale layer a bias where it needs one now."""
        change = step.scale
        if change is None or change.before == change.after or scale.index in self.folded:
            return
        self.folded.add(scale.index)
        message = scale.parameter("scale_param")
        node = message.node_of("bias_term") if message is not None else None
        if isinstance(node, Scalar):
            self.found.append(replace_value(node, "true"))
        elif message is not None and message.node is not None:
            self.found.append(append_field(self.source, message.node, ["bias_term: true"]))
        else:
            lines = ["scale_param {", "\tbias_term: true", "}"]
            self.found.append(append_field(self.source, scale.node, lines))

    def _new_scale(self, layer: Layer, member: Member, step: Step, blob: str) -> NewLayer:
        """Return a layer behind a BatchNorm; a weight of a loss on its top goes there too."""
        self.found += delete_fields(self.source, layer.message.nodes_of("loss_weight"))
        long = self._is_long(self._example("param"))
        before = self.net.layers[member.scale] if member.scale is not None else None
        blobs = (blob, blob)
        if step.scale is not None and step.scale.type == CONVOLUTION:
            blobs = (self._between(layer, member, blob), blob)
        return scale_layer(
            self.source, layer, step, blobs, long=long, before=before, channels=step.channels
        )

    def _between(self, layer: Layer, member: Member, blob: str) -> str:
        """Return what a BatchNorm writes before a convolution, which cannot work in place.

        Its bottom, where it did; what it wrote, where the convolution writes to another blob;
        else a new one.
        """
        bottom, top = layer.bottoms[0], layer.tops[0]
        if top.name == bottom.name:
            inside = self._name(bottom.node)
        elif (
            member.scale is not None
            and self.source.decode(top.node.value_start, top.node.end) != blob
        ):
            inside = self.source.decode(top.node.value_start, top.node.end)
        else:
            inside = quote(member.between)
        at = top.node.value_start
        self.names[at] = Edit(at, top.node.end, inside)
        return inside

    def _reshaped(self, layer: Layer, reshape: Reshape) -> NewLayer:
        """Put a Reshape layer to four axes before a layer; gives the one that goes behind.

        The layer then works between the two: in place, where its gradient is right then.
        """
        bottom, top = layer.bottoms[0].node, layer.tops[0].node
        axes = reshape.axes
        rules = list(rule_lines(self.source, layer))
        inside = quote(reshape.inside)
        dims = [0] * axes + [1] * (4 - axes)
        forth = reshape_layer(reshape.before, self._name(bottom), inside, rules, dims)
        self.found.append(insert_before(self.source, layer.node, forth))
        last = layer if reshape.behind is None else self.net.layers[reshape.behind]
        result = self._name(last.tops[0].node)
        self._set_name(bottom, inside)
        if reshape.normalised:
            inside = quote(reshape.normalised)
        self.names[top.value_start] = Edit(top.value_start, top.end, inside)
        return reshape_layer(reshape.after, inside, result, rules, [0] * axes)

    # The net.

    def _whole(self) -> None:
        net, plan = self.net, self.plan
        self.found += delete_fields(self.source, [foreign.node for foreign in plan.left_out])
        if plan.inputs:
            for layer in net.layers:
                if layer.type == "Input":
                    lines = input_fields(self.source, layer)
                    self.found.append(replace_layer(self.source, layer.node, lines))
        if plan.shares_memory:
            line = "eltwise_mem_sharing: false"
            self.found.append(insert_line_before(self.source, net.layers[0].node, line))
