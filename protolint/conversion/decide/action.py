"""Choosing what becomes of gamma and beta, by what the target's BatchNorm can hold."""

from __future__ import annotations

from protolint.caffe.batchnorm import Affine
from protolint.caffe.registry import DIALECTS
from protolint.conversion import notes, refusals
from protolint.conversion.decide.affine import has_beta
from protolint.conversion.decide.forms import PLAIN, Form, Multipliers, multipliers
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.scene import Scene
from protolint.conversion.decide.step import Action
from protolint.layers.layer import Layer
from protolint.net.pairing import Pairing
from protolint.record import NamedTuple

__all__ = ["Case", "choose", "is_identity", "scale_specs", "was_choice"]

_ANOTHER_NET = "another net of the model needs it"
#: BatchNorm in which a Scale layer beside it is a choice, not a need.
_NVIDIA = (Affine.ALWAYS, Affine.ON_REQUEST)


class Case(NamedTuple):
    """One BatchNorm and all there is to know of it.

    `engine` is what the field of that name will say, `running` the engine that runs then.
    """

    name: str
    layers: list[Layer]
    source: Form
    engine: str
    running: str
    memory: Memory | None
    pairing: Pairing


def choose(scene: Scene, case: Case) -> Action | None:
    """Return the action for a BatchNorm; None where there is none, which is refused."""
    action = _chosen(scene, case)
    scales = case.pairing.scales if case.pairing.is_one else ()
    stays = action in (Action.KEEP, Action.IDENTITY, Action.FOLD)
    wanted = scene.affine_type if scene.has_scale or scene.convolves else ""
    if stays and wanted and any(scale.type != wanted for scale in scales):
        return Action.REPLACE
    return action


def _chosen(scene: Scene, case: Case) -> Action | None:
    """Return the action, whatever the type of a layer that stays."""
    if _is_frozen(scene, case):
        return Action.FREEZE
    kind = scene.target.engines[case.running].affine
    if kind is Affine.NEVER:
        return _without_affine(scene, case)
    return _with_affine(scene, case) if kind is Affine.ALWAYS else _on_request(scene, case)


def is_identity(scene: Scene, case: Case) -> bool:
    """Whether gamma is 1 and beta 0, there only because the source always has them."""
    always = scene.net.dialect.engines[case.source.engine].affine is Affine.ALWAYS
    known = case.name in scene.choices.identity and not scene.learns_affine(case.name)
    memory = case.memory
    if memory is None:
        return always and known
    return always and (memory.plain or (known and not memory.scale))


def scale_specs(scale: Layer) -> dict[str, Multipliers]:
    """How gamma, and beta if there is one, of a Scale layer learn."""
    roles = ["gamma", "beta"] if has_beta(scale) else ["gamma"]
    found = {}
    for i, role in enumerate(roles):
        given = scale.params[i] if i < len(scale.params) else None
        found[role] = Multipliers.of(given) if given is not None else PLAIN
    return found


def _is_frozen(scene: Scene, case: Case) -> bool:
    """Whether the layer has to become a Scale layer to go on using stored statistics."""
    if scene.choices.forced.get(case.name) is Action.FREEZE:
        return True
    target = scene.target
    ignores = target.engines[case.running].ignores_global_stats
    for layer in case.layers:
        given = scene.global_stats(layer)
        if given is None or not scene.net.is_active(layer, "TRAIN" if given else "TEST"):
            continue
        if given and not scene.is_trained(layer):
            continue  # What is only run takes the stored statistics anyway.
        if not ignores and not (given and scene.spoils_gradient(layer, case.running)):
            continue
        setting = f"use_global_stats: {'true in TRAIN' if given else 'false in TEST'}"
        if ignores and scene.choices.drop_global_stats:
            alone = scene.choices.depthwise is not None
            scene.note(notes.global_stats_lost(case.name, setting, target.name, alone=alone))
        elif not given:
            scene.refuse(refusals.never_stored(case.name, setting, target.name))
        elif scene.has_scale:
            return True
        else:
            scene.refuse(refusals.not_frozen(case.name, setting, target.name))
    return False


def _without_affine(scene: Scene, case: Case) -> Action | None:
    """For BVLC, and the CAFFE engine of NVIDIA 0.14."""
    if not case.source.affine:
        return Action.KEEP
    has_place = scene.has_scale or scene.convolves
    if case.pairing.is_one and has_place:
        return Action.FOLD
    if scene.choices.forced.get(case.name) is not Action.SPLIT and is_identity(scene, case):
        return Action.DROP
    if has_place:
        return Action.SPLIT
    scene.refuse(refusals.no_affine(case.name, scene.target.name))
    return None


def _with_affine(scene: Scene, case: Case) -> Action:
    """For NVIDIA 0.15, and 0.14 on cuDNN."""
    memory, pairing = case.memory, case.pairing
    chosen = was_choice(memory, (Affine.ALWAYS,))
    if case.source.affine:
        if pairing.is_one and not scene.has_scale:
            return Action.MERGE
        was_scale = chosen and memory is not None and memory.scale
        return Action.SPLIT if was_scale and scene.has_scale else Action.KEEP
    if not pairing.is_one:
        if pairing.scales:
            _keeps(scene, case, pairing.reason)
        return Action.IDENTITY
    forced = scene.choices.forced.get(case.name)
    apart = memory is not None and memory.apart and chosen
    kept = apart or not scene.choices.merge or forced not in (None, Action.MERGE)
    if not kept or not (scene.has_scale or scene.convolves):
        return Action.MERGE
    if forced is not None:
        _keeps(scene, case, _ANOTHER_NET)
    return Action.IDENTITY


def _on_request(scene: Scene, case: Case) -> Action:
    """For NVIDIA 0.16 and later."""
    if scene.net.dialect.engines[case.source.engine].affine is Affine.ON_REQUEST:
        return Action.KEEP
    memory, pairing = case.memory, case.pairing
    forced = scene.choices.forced.get(case.name)
    objection = _objection(scene, case)
    chosen = was_choice(memory, (Affine.ON_REQUEST,))
    apart = memory is not None and memory.apart and chosen
    kept = apart or not scene.choices.merge or forced not in (None, Action.MERGE)
    if not case.source.affine:
        if not pairing.scales:
            return Action.KEEP
        if not kept and not objection:
            return Action.MERGE
        reason = objection or (_ANOTHER_NET if forced is not None else "")
        if reason:
            _keeps(scene, case, reason)
        return Action.KEEP
    if is_identity(scene, case) and forced in (None, Action.DROP, Action.MERGE):
        if pairing.is_one:
            return Action.FOLD if kept or objection else Action.MERGE
        return Action.DROP
    was_scale = memory is not None and memory.scale and chosen
    reason = _own_objection(scene, case)
    if reason:
        scene.note(notes.affine_split(case.name, reason))
    if was_scale or reason or forced in (Action.SPLIT, Action.FOLD):
        return Action.FOLD if pairing.is_one else Action.SPLIT
    return Action.KEEP


def _keeps(scene: Scene, case: Case, reason: str) -> None:
    """Tell why a Scale layer stays."""
    pairing = case.pairing
    if pairing.shared:
        scene.note(notes.sharing_blocks(case.name, pairing.shared))
    scene.note(notes.scale_kept(case.name, pairing.scales[0].name, reason))


def was_choice(memory: Memory | None, kinds: tuple[Affine, ...] = _NVIDIA) -> bool:
    """Whether a layer comes from a Caffe in which its Scale layer was a choice, not a need."""
    if memory is None:
        return False
    return any(kind.affine in kinds for kind in DIALECTS[memory.dialect].engines.values())


def _objection(scene: Scene, case: Case) -> str:
    """Why a Scale layer cannot go into a BatchNorm that sets both multipliers to 1 itself."""
    if case.pairing.reason or not case.pairing.scales:
        return case.pairing.reason
    target = scene.target.name
    for scale in case.pairing.scales:
        specs = scale_specs(scale)
        changed = next((s for s in specs.values() if s[:2] != PLAIN[:2]), None)
        if changed is not None:
            return notes.other_multipliers("its", *changed[:2], target)
        if "beta" not in specs:
            return notes.no_bias(target)
    return _one_channel(scene, case)


def _own_objection(scene: Scene, case: Case) -> str:
    """Why gamma and beta cannot stay in a BatchNorm that sets both multipliers to 1 itself."""
    for layer in case.layers:
        specs = multipliers(layer, case.source, scene.net.dialect)
        own = (specs[role] for role in ("gamma", "beta"))
        changed = next((spec for spec in own if spec[:2] != PLAIN[:2]), None)
        if changed is not None:
            return notes.other_multipliers("their", *changed[:2], scene.target.name)
    return _one_channel(scene, case)


def _one_channel(scene: Scene, case: Case) -> str:
    if scene.channels(case.layers) != 1:
        return ""
    return notes.one_channel(scene.target.name)
