"""The step of one BatchNorm: its form in the target, its `param` blocks, its place in the net."""

from __future__ import annotations

from protolint.caffe.batchnorm import Affine
from protolint.conversion import notes, refusals
from protolint.conversion.decide.action import Case, is_identity, scale_specs, was_choice
from protolint.conversion.decide.affine import CONVOLUTION
from protolint.conversion.decide.forms import (
    FROZEN,
    Form,
    Multipliers,
    filler_of,
    form_in,
    multipliers,
    shortest,
    single,
)
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.scene import Scene
from protolint.conversion.decide.step import Action, Member, Reshape, ScaleChange, SpecChange, Step
from protolint.conversion.notes import Note
from protolint.layers.layer import Layer
from protolint.net.view import View

__all__ = ["make_step"]


def make_step(scene: Scene, case: Case, action: Action) -> Step:
    """Return the step that does an action to a BatchNorm.

    The notes on it go to the scene.
    """
    return _Maker(scene, case, action).step()


def _effect(spec: Multipliers) -> tuple[float, float, str, str]:
    """Return what multipliers come to: decay is multiplied by lr_mult too."""
    return spec.lr_mult, spec.lr_mult * spec.decay_mult, spec.name, spec.share_mode


def _is_output(view: View, blob: str, writer: Layer) -> bool:
    """Whether a blob that a layer writes is an output, as it is or changed in place by others."""
    version = view.outputs.get(blob)
    if version is None or version.readers:
        return False
    while version is not None and version.producer is not writer:
        version = version.overwritten
    return version is not None


class _Maker:
    """One BatchNorm, once it is known what becomes of gamma and beta."""

    def __init__(self, scene: Scene, case: Case, action: Action) -> None:
        self.scene = scene
        self.case = case
        self.action = action
        self.net, self.target = scene.net, scene.target
        self.name, self.layers, self.source = case.name, case.layers, case.source
        self.memory, self.pairing = case.memory, case.pairing
        self.kind = scene.target.engines[case.running]
        self.own_top = ""

    def step(self) -> Step:
        """Return the step."""
        gamma, beta = self._specs()
        scale = self._scale()
        target = self._form(self._wanted_eps())
        step = Step(
            self.name, self.action, self.source, target, (), scale, gamma, beta, self.case.engine
        )
        step = step._replace(
            params=self._params(step),
            members=tuple(self._member(layer, step) for layer in self.layers),
            memory=self._remember(step),
            channels=self.scene.channels(self.layers) if self._convolves(step) else None,
        )
        self._tell(step)
        return step

    # What the layer is in the target.

    def _form(self, eps: float) -> Form:
        if self.action is Action.FREEZE:
            return Form(self.target.name, "", True, ("gamma", "beta"), self.source.eps, "Scale")
        affine = self.action in (Action.MERGE, Action.IDENTITY) or (
            self.action is Action.KEEP and self.source.affine
        )
        return form_in(self.target, self.case.running, affine=affine, eps=eps)

    def _wanted_eps(self) -> float:
        """Return the eps of the source, or the one before the source had to change it."""
        memory = self.memory
        if memory is not None and memory.eps is not None:
            before = form_in(
                self.net.dialect, self.source.engine, affine=self.source.affine, eps=memory.eps
            )
            if before.eps == self.source.eps:
                return memory.eps
        return self.source.eps

    def _specs(self) -> tuple[SpecChange, SpecChange]:
        """How gamma and beta learn before and after."""
        own = multipliers(self.layers[0], self.source, self.net.dialect)
        behind = scale_specs(self.pairing.scales[0]) if self.pairing.is_one else {}
        changes = []
        for role in ("gamma", "beta"):
            inside, outside = own.get(role), behind.get(role)
            before = outside or inside
            if self.action in (Action.KEEP, Action.FREEZE):
                before = inside
                after = inside
            elif self.action is Action.IDENTITY:
                before, after = None, FROZEN
            elif self.action is Action.MERGE:
                after = outside or FROZEN
            elif self.action is Action.DROP:
                before, after = inside, None
            elif self.action in (Action.FOLD, Action.REPLACE):
                after = outside or inside
            else:
                before = after = inside
            changes.append(SpecChange(before, after))
        return changes[0], changes[1]

    def _scale(self) -> ScaleChange | None:
        """Return the Scale layer that is merged, changed or new."""
        scale = self.pairing.scales[0] if self.pairing.is_one else None
        bias = "beta" in scale_specs(scale) if scale is not None else None
        if self.action is Action.MERGE and scale is not None:
            return ScaleChange(scale.name, bias, None)
        kind = self.scene.affine_type
        if self.action in (Action.FOLD, Action.REPLACE) and scale is not None:
            own = self.source.affine and not self._is_plain()
            return ScaleChange(scale.name, bias, bool(bias) or own, kind)
        if self.action is Action.SPLIT:
            memory = self.memory
            bias = memory is None or not memory.scale or memory.bias
            return ScaleChange(self._new_name(), None, bias, kind)
        if self.action is Action.FREEZE and self._splits_frozen():
            return ScaleChange(self._new_name(), None, True)
        if scale is not None:
            return ScaleChange(scale.name, bias, bias)
        return None

    def _splits_frozen(self) -> bool:
        """Whether gamma and beta inside a frozen BatchNorm go on learning."""
        own = multipliers(self.layers[0], self.source, self.net.dialect)
        return any(role in own and own[role].learns for role in ("gamma", "beta"))

    def _is_plain(self) -> bool:
        """Whether gamma and beta inside are known to be 1 and 0."""
        return is_identity(self.scene, self.case)

    def _new_name(self) -> str:
        """Return a free name for a new Scale layer: its former one, or one by the template."""
        wanted = self.memory.scale if self.memory is not None else ""
        if not wanted or wanted in self.scene.layer_names:
            wanted = self.scene.template_name(self.name)
        return self.scene.layer_names.free(wanted)

    # Its `param` blocks.

    def _params(self, step: Step) -> tuple[Multipliers, ...] | None:
        if self.action is Action.FREEZE:
            return (FROZEN, FROZEN)
        names = {
            role: spec.name
            for role, spec in multipliers(self.layers[0], self.source, self.net.dialect).items()
        }
        specs = {"gamma": step.gamma.after, "beta": step.beta.after}
        wanted = []
        for role in step.target.blobs:
            spec = specs.get(role)
            if spec is None or self.action is Action.SPLIT:
                spec = FROZEN
            wanted.append(spec if spec.name else spec._replace(name=names.get(role, "")))
        named = any(spec.name for spec in wanted)
        if self.target.masks_statistics:
            return self._masked(step, wanted, named=named)
        given = [len(layer.params) for layer in (*self.layers, *self.pairing.scales)]
        trained = any(self.net.is_active(layer, "TRAIN") for layer in self.layers)
        if not (trained or named or any(given)):
            return None
        if step.target.blobs[-1] == "reserved":
            # Without decay on it nothing ever sets that blob, and 0.15 on CAFFE aborts (BN032).
            wanted = wanted[:-1]
        return None if self._have(wanted) else tuple(wanted)

    def _masked(
        self, step: Step, wanted: list[Multipliers], *, named: bool
    ) -> tuple[Multipliers, ...] | None:
        """Return the blocks for a target that sets the multipliers itself: none, but for names."""
        if named:
            return None if self._have(wanted) else tuple(wanted)
        order = ("mean", "variance", "factor")
        for layer in self.layers:
            given = layer.params
            same = self.source.blobs[:3] == order and len(given) <= len(step.target.blobs)
            if given and not (same and self._passes(layer)):
                return ()
        return None

    def _passes(self, layer: Layer) -> bool:
        """Whether BVLC's check of the statistics' multipliers lets the blocks pass."""
        if not self.target.checks_statistics_lr:
            return True
        upgraded = len(layer.params) == 3 and not self.net.inline
        return upgraded or all(param.lr_mult == 0 for param in layer.params[:3])

    def _have(self, wanted: list[Multipliers]) -> bool:
        """Whether every variant has these blocks already."""
        return all(
            [_effect(Multipliers.of(param)) for param in layer.params]
            == [_effect(spec) for spec in wanted]
            for layer in self.layers
        )

    # Its place in the net.

    def _member(self, layer: Layer, step: Step) -> Member:
        scale = None
        if self.pairing.is_one and self.action in (Action.MERGE, Action.FOLD, Action.REPLACE):
            found = [s for s in self.pairing.scales if self.scene.follows(s, layer)]
            scale = found[0] if found else None
        before = self.net.dialect.engines[self.source.engine].ignores_global_stats
        member = Member(
            layer.index,
            scale.index if scale is not None else None,
            obeys=before is self.kind.ignores_global_stats,
        )
        if self.action is Action.FREEZE:
            return member
        added = self.scene.added_around(layer, scale)
        axes = self.scene.axes(layer)
        if added is not None and self.target.least_axes < self.net.dialect.least_axes:
            return member._replace(added=added)
        reshaped = self._reshaped_axes(axes)
        behind = self._behind(layer) if reshaped else None
        gone = self.action in (Action.MERGE, Action.REPLACE)
        last = scale if scale is not None and gone else behind or layer
        in_place = last.tops[0].name == layer.bottoms[0].name
        trains = self.kind.in_place_affine if step.target.affine else self.kind.in_place_plain
        stem, blobs = self.name or "bn", self.scene.blob_names
        own_top = ""
        convolves = self._convolves(step)
        if convolves:
            self._check_convolution(axes)
        needs_own = reshaped or convolves or (not trains and self.net.is_active(layer, "TRAIN"))
        if in_place and needs_own:
            # All variants of a layer write to the same.
            own_top = self.own_top = self.own_top or blobs.free(stem)
            if not self.scene.can_rename(layer):
                self.scene.refuse(refusals.not_renamed(self.name, self.target.name))
            else:
                self.scene.note(self._new_blob(layer, last, own_top, convolves=convolves))
        reshape = None
        if reshaped:
            names = self.scene.layer_names
            reshape = Reshape(
                reshaped,
                names.free(f"{stem}_to_4d"),
                names.free(f"{stem}_to_{reshaped}d"),
                blobs.free(f"{stem}_4d"),
                # A Reshape shares memory: what worked beside its bottom must not write over it.
                "" if trains and in_place else blobs.free(f"{stem}_4d_normalised"),
                behind.index if behind is not None else None,
            )
        between = blobs.free(f"{stem}_normalised") if convolves else ""
        return member._replace(own_top=own_top, reshape=reshape, between=between)

    def _new_blob(self, layer: Layer, last: Layer, name: str, *, convolves: bool) -> Note:
        """Return the note of a blob that takes the place of the one written in place.

        `last` is the layer that writes it.
        """
        old = layer.bottoms[0].name
        is_output = any(_is_output(view, old, last) for view in self.scene.views_of(layer))
        was_output = old if is_output else ""
        return notes.blob_added(self.name, name, by_convolution=convolves, was_output=was_output)

    def _convolves(self, step: Step) -> bool:
        """Whether a convolution is put in behind the layer."""
        new = self.action in (Action.SPLIT, Action.REPLACE)
        return new and step.scale is not None and step.scale.type == CONVOLUTION

    def _check_convolution(self, axes: int | None) -> None:
        """Refuse a convolution where nobody knows its channels, or what has no four axes."""
        if axes is not None and axes != 4:
            self.scene.refuse(refusals.convolution_axes(self.name, axes))
        elif self.scene.channels(self.layers) is None:
            self.scene.refuse(refusals.convolution_channels(self.name))

    def _behind(self, layer: Layer) -> Layer | None:
        """Return the Scale layer that stays behind this one alone, on four axes as it is."""
        if self.action not in (Action.KEEP, Action.IDENTITY, Action.FOLD):
            return None
        scales = self.pairing.scales if self.pairing.is_one else ()
        for scale in scales:
            read = [one for one in self.layers if self.scene.follows(scale, one)]
            param = scale.parameter("scale_param")
            if read == [layer] and (param is None or param.integer("axis") == 1):
                return scale
        return None

    def _reshaped_axes(self, axes: int | None) -> int:
        """How many axes have to be made four, 0 for none; refuses what cannot be."""
        least = self.target.least_axes
        most = self.kind.most_axes
        if axes is None or (least <= axes and (most is None or axes <= most)):
            return 0
        if least == 4 and axes in (2, 3):
            self.scene.note(notes.reshaped(self.name, axes))
            return axes
        wanted = str(least) if axes < least else f"at most {most}"
        switch = "--engine CAFFE takes more"
        if axes < least or least == 4:
            switch = f"reshape it to {least} axes in the net, channels second, and back behind it"
        self.scene.refuse(refusals.axes(self.name, axes, self.target.name, wanted, switch))
        return 0

    # What to say, and what to remember.

    def _tell(self, step: Step) -> None:
        note = self.scene.note
        if step.folds_eps:
            a, b = shortest(step.source.eps), shortest(step.target.eps)
            note(notes.eps_changed(self.name, a, b))
        if self.action is Action.FREEZE:
            note(notes.frozen(self.name))
        if step.scale is not None and step.scale.before is None:
            known = self.memory is not None and self.memory.scale == step.scale.name
            note(notes.affine_added(self.name, step.scale.name, step.scale.type, again=known))
        elif step.scale is not None and self.action is Action.REPLACE:
            note(notes.affine_replaced(self.name, step.scale.type))
        starts_at_zero = (
            self.source.affine
            and self.net.dialect.gamma_starts_at_zero
            and not self.target.gamma_starts_at_zero
        )
        filled = filler_of(self.layers[0], "batch_norm_param", "scale_filler") is not None
        if starts_at_zero and not filled and self.scene.trains(self.layers):
            note(notes.gamma_start_changed(self.name))

    def _remember(self, step: Step) -> Memory | None:
        """Return what the text of the target will not show of the source, or of its past."""
        if self.action is Action.FREEZE:
            return None
        old = self.memory or Memory(self.net.dialect.name)
        at_home = old.dialect == self.net.dialect.name
        wanted = self._wanted_eps()
        eps = None if single(wanted) == step.target.eps else wanted
        if self.memory is not None and old.dialect == self.target.name:
            # Back where it came from: what it was in between, protolint can make again.
            return None if eps is None else Memory(self.net.dialect.name, eps=eps)
        engine = old.engine or self._named_engine()
        memory = old._replace(
            plain=old.plain or self.action is Action.IDENTITY,
            apart=old.apart or (at_home and self._stays_apart()),
            eps=eps,
            engine="" if engine.replace("DEFAULT", "") == step.engine else engine,
        )
        # A Scale layer that a conversion put in is none that the layer had where it comes from.
        had_scale = at_home or old.apart or not was_choice(old)
        if self.action is Action.MERGE and step.scale and had_scale and not old.scale:
            # Without a word the way back to sums and a Scale layer gives it the usual name.
            usual = step.scale.name == self.scene.template_name(self.name) and step.scale.before
            sums = self.net.dialect.engines[self.source.engine].affine is Affine.NEVER
            if not (usual and sums) or old.apart:
                memory = memory._replace(scale=step.scale.name, bias=bool(step.scale.before))
        if self.action is Action.SPLIT:
            apart = memory.apart or (bool(old.scale) and was_choice(old))
            memory = memory._replace(scale="", bias=True, apart=apart)
        if self.action in (Action.DROP, Action.FOLD):
            memory = memory._replace(plain=False)
        return None if memory.is_empty else memory

    def _stays_apart(self) -> bool:
        """Whether a Scale layer that the way back would merge was kept in the source by choice."""
        if not self.pairing.is_one or self.action is Action.MERGE:
            return False
        if self.pairing.scales[0].type == CONVOLUTION:
            return False
        source = self.net.dialect.engines[self.source.engine].affine
        changed = self.action is not Action.KEEP or not self.source.affine
        return changed and source is not Affine.NEVER and source is not self.kind.affine

    def _named_engine(self) -> str:
        """Return the engine that the source names, "DEFAULT" for none, "" if it has but one."""
        if len(self.net.dialect.engines) == 1:
            return ""
        param = self.layers[0].parameter("batch_norm_param")
        written = param.text("engine") if param is not None and "engine" in param else ""
        return written or "DEFAULT"
