"""batch_norm_param for another Caffe: what it asks for, and what it must not say."""

from __future__ import annotations

from protolint.caffe.batchnorm import Affine
from protolint.caffe.dialect import Dialect
from protolint.conversion.decide.forms import filler_of, form_in, shortest, single
from protolint.conversion.decide.step import Action, Member, Step
from protolint.conversion.text.new_layers import FILLERS, constant, filler_behind, filler_lines
from protolint.edit import Edit
from protolint.layers.layer import Layer
from protolint.source import Source
from protolint.text.tree import Node
from protolint.text.write import append_field, delete_fields, replace

__all__ = ["norm_edits"]


def norm_edits(
    source: Source,
    layer: Layer,
    scale: Layer | None,
    member: Member,
    step: Step,
    dialects: tuple[Dialect, Dialect],
) -> list[Edit]:
    """Return the edits that make batch_norm_param say for the target what the step wants.

    `scale` is the Scale layer that is merged or changed, `dialects` are source and target.
    """
    return _NormEditor(source, layer, scale, member, step, dialects).edits()


#: How Intel's Caffe asks for gamma and beta, or for gamma alone; nothing is converted to it.
_INTELS = ("use_weight_bias", "bias_term")


class _NormEditor:
    """One batch_norm_param: fields that go, and lines that come."""

    def __init__(
        self,
        source: Source,
        layer: Layer,
        scale: Layer | None,
        member: Member,
        step: Step,
        dialects: tuple[Dialect, Dialect],
    ) -> None:
        self.source = source
        self.layer = layer
        self.scale = scale
        self.member = member
        self.step = step
        self.before, self.target = dialects
        self.message = layer.parameter("batch_norm_param")
        self.gone: list[Node] = []
        self.added: list[str] = []
        self.replaced: list[Edit] = []

    def edits(self) -> list[Edit]:
        """Return the edits; a message that would be left empty goes as a whole."""
        if not self.member.obeys:
            self._drop("use_global_stats")
        self._eps()
        self._affine()
        self._engine()
        for field in _INTELS:
            self._drop(field)
        node = self.message.node if self.message is not None else None
        if node is None:
            if not self.added:
                return []
            lines = ["batch_norm_param {", *(f"\t{line}" for line in self.added), "}"]
            return [append_field(self.source, self.layer.node, lines)]
        if not self.added and self.gone and len(self.gone) == len(node.children):
            return delete_fields(self.source, [node])
        edits = [*self.replaced, *delete_fields(self.source, self.gone)]
        if self.added:
            edits.append(append_field(self.source, node, self.added))
        return edits

    def _has(self, field: str) -> bool:
        return self.message is not None and field in self.message

    def _drop(self, field: str) -> None:
        if self.message is not None:
            self.gone += self.message.nodes_of(field)

    def _say(self, field: str, lines: list[str]) -> None:
        """Write a field, over the one that is there."""
        node = self.message.node_of(field) if self.message is not None else None
        if node is None:
            self.added += lines
        else:
            text = " ".join(line.strip() for line in lines)
            self.replaced.append(replace(node.span, text))

    def _eps(self) -> None:
        """Write the eps that is to be in use, where the target would not come to it."""
        step, wanted = self.step, self.step.target.eps
        if self.target.engines[step.target.engine].eps.fixed is not None:
            self._drop("eps")
            return
        given = self.message is not None and self._has("eps")
        written = self.message.number("eps") if self.message is not None and given else None
        form = form_in(self.target, step.target.engine, affine=step.target.affine, eps=written)
        raised = step.folds_eps and written is not None and single(written) != wanted
        if form.eps != wanted or raised:
            self._say("eps", [f"eps: {shortest(wanted)}"])

    def _affine(self) -> None:
        """Write whether there are gamma and beta, and what they start with."""
        on_request = self.target.engines[self.step.target.engine].affine is Affine.ON_REQUEST
        asked = self.message is not None and self.message.flag("scale_bias")
        if not self.step.target.affine:
            for field, _, _ in FILLERS:
                self._drop(field)
            if asked or not on_request:
                self._drop("scale_bias")
            return
        for field, own, usual in FILLERS:
            self._filler(field, own, usual, always=not on_request)
        if not on_request:
            self._drop("scale_bias")
        elif not asked:
            self._say("scale_bias", ["scale_bias: true"])

    def _filler(self, field: str, own: str, usual: int, *, always: bool) -> None:
        """Write one filler: the Scale layer's, the constant that does nothing, or its own."""
        step = self.step
        if step.action in (Action.IDENTITY, Action.SPLIT, Action.REPLACE):
            given = filler_of(self.layer, "batch_norm_param", field)
            if given is None or not given.is_constant(usual):
                self._say(field, [constant(field, usual)])
        elif step.action is Action.MERGE and self.scale is not None:
            filler = filler_behind(self.scale, own)
            has_blob = own == "filler" or (step.scale is not None and step.scale.before)
            if filler is not None and has_blob:
                self._say(field, filler_lines(self.source, field, filler))
            elif always:
                self._say(field, [constant(field, usual)])
            else:
                self._drop(field)
        elif always and not self.before.gamma_starts_at_zero and not self._has(field):
            self._say(field, [constant(field, usual)])

    def _engine(self) -> None:
        """Name the engine, or no longer."""
        if len(self.target.engines) == 1:
            self._drop("engine")
            return
        given = self.message is not None and self._has("engine")
        written = self.message.text("engine") if self.message is not None and given else ""
        if self.step.engine.replace("DEFAULT", "") == written.replace("DEFAULT", ""):
            return
        if self.step.engine:
            self._say("engine", [f"engine: {self.step.engine}"])
        else:
            self._drop("engine")
