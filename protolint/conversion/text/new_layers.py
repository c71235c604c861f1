"""The text of layers and fields that a conversion puts into a net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protolint.caffe.binder import Message
from protolint.conversion.decide.affine import CONVOLUTION, SCALE, affine_fields
from protolint.conversion.decide.forms import PLAIN, Multipliers
from protolint.conversion.decide.memory import ADDED
from protolint.conversion.decide.step import Step
from protolint.layers.layer import Layer
from protolint.source import Source
from protolint.text.insert import NewLayer
from protolint.text.style import is_one_line
from protolint.text.write import quote

__all__ = [
    "FILLERS",
    "constant",
    "filler_behind",
    "filler_lines",
    "input_fields",
    "param_lines",
    "reshape_layer",
    "rule_lines",
    "scale_layer",
]

#: A BatchNorm's filler, the same one of a Scale layer, and what both give as a rule.
FILLERS = (("scale_filler", "filler", 1), ("bias_filler", "bias_filler", 0))


def param_lines(spec: Multipliers, *, long: bool) -> list[str]:
    """Return a `param` block, on one line or, where it is to be `long`, on several."""
    fields = [f"name: {quote(spec.name)}"] if spec.name else []
    fields += [f"share_mode: {spec.share_mode}"] if spec.share_mode else []
    fields += [f"lr_mult: {spec.lr_mult:g}", f"decay_mult: {spec.decay_mult:g}"]
    if long:
        return ["param {", *(f"\t{field}" for field in fields), "}"]
    return [f"param {{ {' '.join(fields)} }}"]


def constant(name: str, value: int) -> str:
    """Return a filler that gives a constant."""
    return f'{name} {{ type: "constant" value: {value} }}'


def filler_lines(source: Source, name: str, filler: Message) -> list[str]:
    """Return a filler under another name, laid out as it is."""
    fields = _scalars(source, filler)
    if filler.node is not None and not is_one_line(source, filler.node):
        return [f"{name} {{", *(f"\t{field}" for field in fields), "}"]
    return [f"{name} {{ {' '.join(fields)} }}" if fields else f"{name} {{ }}"]


def rule_lines(source: Source, layer: Layer) -> Iterator[str]:
    """Yield the include and exclude rules of a layer."""
    for field in ("include", "exclude"):
        for rule in layer.message.messages(field):
            fields = " ".join(_scalars(source, rule))
            yield f"{field} {{ {fields} }}" if fields else f"{field} {{ }}"


def filler_behind(scale: Layer, name: str) -> Message | None:
    """Return a filler of a Scale layer, or of a convolution in its place, by its name."""
    parameter, gamma, beta = affine_fields(scale.type)
    param = scale.parameter(parameter)
    return param.message(gamma if name == "filler" else beta) if param is not None else None


def scale_layer(
    source: Source,
    layer: Layer,
    step: Step,
    blobs: tuple[str, str],
    *,
    long: bool,
    before: Layer | None = None,
    channels: int | None = None,
) -> NewLayer:
    """Return the Scale layer, or convolution, that goes behind a BatchNorm, in its states.

    `blobs` are the literals of its bottom and top, `long` says whether `param` blocks have
    several lines. `before` is the layer whose place it takes; a convolution has `channels`.
    """
    change = step.scale
    kind = change.type if change is not None else SCALE
    name = quote(change.name if change is not None else "")
    lines = [f"name: {name}", f"type: {quote(kind)}", f"bottom: {blobs[0]}", f"top: {blobs[1]}"]
    for field in ("loss_weight", "phase"):
        nodes = layer.message.nodes_of(field)
        lines += [f"{field}: {source.decode(node.value_start, node.end)}" for node in nodes]
    bias = change is not None and bool(change.after)
    given = (step.gamma.after, step.beta.after if bias else None)
    specs = [spec for spec in given if spec is not None]
    if any(spec != PLAIN for spec in specs):
        lines += [line for spec in specs for line in param_lines(spec, long=long)]
    lines += rule_lines(source, layer)
    parameter, *own = affine_fields(kind)
    inner: list[str] = []
    if kind == CONVOLUTION:
        inner = [f"num_output: {channels}", f"group: {channels}", "kernel_size: 1"]
    fillers = list(_fillers(layer, before))
    for new, (filler, usual) in zip(own, fillers, strict=True):
        if filler is not None and not _is_constant(filler, usual):
            inner += filler_lines(source, new, filler)
        elif kind == CONVOLUTION and usual:
            inner.append(constant(new, usual))
        if new == own[0] and bias != (kind == CONVOLUTION):
            inner.append(f"bias_term: {'true' if bias else 'false'}")
        if not bias:
            break
    if inner:
        lines += [f"{parameter} {{", *(f"\t{line}" for line in inner), "}"]
    return _layer(lines, ADDED if kind == CONVOLUTION else "")


def _fillers(layer: Layer, before: Layer | None) -> Iterator[tuple[Message | None, int]]:
    """Yield the fillers for gamma and beta, and their usual constants."""
    param = layer.parameter("batch_norm_param")
    for field, own, usual in FILLERS:
        if before is not None:
            yield filler_behind(before, own), usual
        else:
            yield (param.message(field) if param is not None else None), usual


def _is_constant(filler: Message, value: int) -> bool:
    return filler.text("type") == "constant" and filler.number("value") == value


def reshape_layer(
    name: str, bottom: str, top: str, rules: Sequence[str], dims: Sequence[int]
) -> NewLayer:
    """Return a Reshape layer, marked as one that a conversion put in.

    `bottom` and `top` are literals.
    """
    shape = " ".join(f"dim: {dim}" for dim in dims)
    lines = [f"name: {quote(name)}", 'type: "Reshape"', f"bottom: {bottom}", f"top: {top}"]
    lines += [*rules, f"reshape_param {{ shape {{ {shape} }} }}"]
    return _layer(lines, ADDED)


def _layer(lines: Sequence[str], comment: str = "") -> NewLayer:
    return NewLayer(("layer {", *(f"\t{line}" for line in lines), "}"), comment)


def input_fields(source: Source, layer: Layer) -> list[str]:
    """Return an Input layer as fields of the net."""
    param = layer.parameter("input_param")
    shapes = param.messages("shape") if param is not None else []
    lines = []
    for i, top in enumerate(layer.tops):
        dims = shapes[min(i, len(shapes) - 1)].integers("dim") if shapes else []
        shape = " ".join(f"dim: {dim}" for dim in dims)
        lines += [f"input: {source.decode(top.node.value_start, top.node.end)}"]
        lines += [f"input_shape {{ {shape} }}"]
    return lines


def _scalars(source: Source, message: Message) -> list[str]:
    """Return the fields of a message that has no message inside, as they are written."""
    return [f"{name}: {source.decode(n.value_start, n.end)}" for name, _, n in message.items()]
