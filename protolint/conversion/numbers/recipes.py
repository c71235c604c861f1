"""From the steps of a plan to what is done to blobs; and a plan for weights alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from protolint.batchnorm.layouts import NATIVE_LAYOUTS
from protolint.batchnorm.reading import Norm
from protolint.batchnorm.stored_scales import is_without_blobs_between
from protolint.caffe.binder import Message
from protolint.caffe.build import Build
from protolint.caffe.dialect import Dialect
from protolint.conversion.decide.affine import CONVOLUTION, SCALE
from protolint.conversion.decide.memory import ADDED, mark
from protolint.conversion.decide.step import Action, Plan, Step
from protolint.conversion.numbers.embedded_net import model_net, with_value
from protolint.conversion.numbers.encode import FROZEN_SCALE, Recipe, target_layout
from protolint.net.net import Net
from protolint.weights.index import ModelIndex
from protolint.wire import Buffer

__all__ = ["net_of_model", "recipes_of", "with_cudnn"]


def with_cudnn(norms: Iterable[Norm], dialect: Dialect) -> bool:
    """Whether a model comes from a Caffe with cuDNN; as most did, where nothing shows it."""
    names = {norm.layout.name for norm in norms}
    return not (dialect.engines_differ_in_layout and names and names <= set(NATIVE_LAYOUTS))


def net_of_model(
    data: Buffer, index: ModelIndex, dialect: Dialect, norms: Mapping[int, Norm]
) -> Net:
    """Return the net in a model, its BatchNorm layers described as their blobs show them to be."""
    net = model_net(data, index, dialect)
    build = Build(cudnn=with_cudnn(norms.values(), dialect))
    layers = [entry for entry in index.layers if entry.generation.value == 100]
    found = list(zip(layers, net.message.values.get("layer", ()), strict=True))
    for entry, (message, _) in found:
        if entry.position in norms and isinstance(message, Message):
            _describe(message, norms[entry.position])
    if is_without_blobs_between(index):
        _connect({entry.name: m for entry, (m, _) in found if isinstance(m, Message)}, norms)
    return Net(net.message, dialect, net.source, build=build)


def _connect(layers: Mapping[str, Message], norms: Mapping[int, Norm]) -> None:
    """Name the blobs around each BatchNorm where a file names none.

    Its Scale layer works in place on its top; what the other layers read stays unknown.
    """
    for norm in norms.values():
        message, scale = layers.get(norm.name), layers.get(norm.facts.scale or "")
        if message is not None:
            with_value(message, "bottom", f"{norm.name}: bottom")
            with_value(message, "top", f"{norm.name}: top")
        if scale is not None:
            with_value(scale, "bottom", f"{norm.name}: top")
            with_value(scale, "top", f"{norm.name}: top")


def _describe(message: Message, norm: Norm) -> None:
    """Say in a BatchNorm layer what its blobs are."""
    fields = message.type.fields
    if "batch_norm_param" not in fields:
        return
    with_value(message, "type", "BatchNorm")
    param = message.message("batch_norm_param")
    if param is None:
        param = Message(fields["batch_norm_param"].message, message.node)
        with_value(message, "batch_norm_param", param)
    if "scale_bias" in param.type.fields:
        with_value(param, "scale_bias", True if norm.layout.affine else None)
        if not norm.layout.affine:
            with_value(param, "scale_filler", None)
            with_value(param, "bias_filler", None)
    with_value(param, "eps", norm.state.eps)
    if norm.facts.type == "BN":
        with_value(param, "moving_average_fraction", norm.facts.fraction)


def recipes_of(plans: Sequence[Plan], norms: Iterable[Norm], target: Dialect) -> dict[str, Recipe]:
    """Return what to do with each BatchNorm; the first plan that has a step for a layer decides.

    Layers without a step in any plan are not in the result.
    """
    steps: dict[str, Step] = {}
    for plan in reversed(plans):
        steps.update((step.layer, step) for step in plan.steps)
    return {norm.name: _recipe(steps[norm.name], target) for norm in norms if norm.name in steps}


def _recipe(step: Step, target: Dialect) -> Recipe:
    """Return the recipe of one step."""
    comment = mark(step.memory) if step.memory is not None else ""
    scale = step.scale
    if step.action is Action.FREEZE:
        if scale is None:
            return Recipe(FROZEN_SCALE, comment=comment)
        new = scale.before is None
        return Recipe(
            FROZEN_SCALE,
            Action.SPLIT if new else Action.KEEP,
            scale.name,
            comment=comment,
            scale_comment=ADDED if new else "",
            bias=scale.after is not False,
        )
    engine = step.target.engine
    layout = target_layout(target, engine, affine=step.target.affine)
    keeps = step.action in (Action.IDENTITY, Action.DROP)
    new = step.action is Action.SPLIT or (scale is not None and scale.type == CONVOLUTION)
    return Recipe(
        layout,
        Action.KEEP if keeps else step.action,
        scale.name if scale is not None and step.action is not Action.DROP else "",
        step.target.eps,
        engine,
        step.engine,
        comment,
        ADDED if new else "",
        bias=scale is None or scale.after is not False,
        scale_type=scale.type if scale is not None else SCALE,
    )
