"""Who overwrites whose data: in-place layers, shared memory, and what gradients need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolint.edit import Fix
from protolint.net.layer import Layer
from protolint.net.net import Net
from protolint.net.rename import free_name, rename_top
from protolint.net.view import BlobVersion, View

# Gradients by finite differences, 42 writers each overwritten in place by 16 layer types, the
# same in BVLC master and NVIDIA v0.14.5, v0.15.14, v0.16.6, v0.17.4. What is not named here
# keeps what the writer needs (a sign, a zero gradient), or the writer has a copy.
_RELU = frozenset({"BatchNorm", "Scale", "Bias", "Sigmoid", "Exp"})
_SIGMOID = _RELU | {"TanH", "Dropout"}
_TANH = _SIGMOID | {"ELU", "PReLU"}
_MVN = _TANH | {"ReLU"}

#: Layers whose top is the memory of their bottom (Reshape of flatten_layer.cpp,
#: reshape_layer.cpp and split_layer.cpp in every branch).
SHARES_MEMORY = frozenset({"Flatten", "Reshape", "Split"})

#: Types with learnable blobs: how many without a bias, and what bias_term is if not given
#: (None: there is none).
_BLOBS: dict[str, tuple[int, bool | None]] = {
    "Convolution": (1, True), "Deconvolution": (1, True), "InnerProduct": (1, True),
    "Embed": (1, True), "Scale": (1, False), "Bias": (1, None), "PReLU": (1, None),
    "Normalize": (1, None), "Parameter": (1, None), "LSTM": (3, None), "RNN": (5, None),
}  # fmt: skip
_PARAMETER = {"InnerProduct": "inner_product_param", "Embed": "embed_param", "Scale": "scale_param"}


class Spoiled(NamedTuple):
    """An in-place layer, the index of that top, and whose output it should have left alone."""

    layer: Layer
    top: int
    writer: Layer


class Memory:
    """What the blobs of one view hold on to.

    `needed` gives, for a version by its id, the layers whose gradient needs what is in its
    memory; `spoiled` the in-place layers that destroy such a thing. A finding ends the need,
    so that one cause is not told twice.
    """

    def __init__(self, view: View) -> None:
        self.needed: dict[int, dict[frozenset[str], Layer]] = {}
        self.spoiled: list[Spoiled] = []
        self._groups: dict[int, list[BlobVersion]] = {}
        for layer in view.layers:
            bottoms = view.bottoms[layer.index]
            for i, version in enumerate(view.tops[layer.index]):
                before = version.overwritten
                in_place = before is not None
                if before is None and layer.type in SHARES_MEMORY and bottoms:
                    before = bottoms[0]
                    if before is not None:
                        self._group(before).append(version)
                        self._groups[id(version)] = self._group(before)
                needed = dict(self.needed.get(id(before), {})) if before is not None else {}
                if in_place:
                    for spoilers in [s for s in needed if layer.type in s]:
                        self.spoiled.append(Spoiled(layer, i, needed.pop(spoilers)))
                own = _spoilers(layer, in_place=in_place)
                if own:
                    needed[own] = layer
                if needed:
                    self.needed[id(version)] = needed

    def _group(self, version: BlobVersion) -> list[BlobVersion]:
        return self._groups.setdefault(id(version), [version])

    def readers(self, version: BlobVersion) -> list[Layer]:
        """Every layer that reads the memory of a version while it holds that version."""
        return [reader for same in self._group(version) for reader in same.readers]


def _spoilers(layer: Layer, *, in_place: bool) -> frozenset[str]:
    """The types that destroy what a layer's gradient needs of its output by overwriting it."""
    kind = layer.type
    if kind == "ReLU":
        return _RELU if in_place else frozenset()
    if kind in ("Sigmoid", "Softmax", "Exp"):
        return _SIGMOID
    if kind in ("TanH", "ELU"):
        return _TANH
    if kind == "MVN":
        return _MVN
    if kind == "Power":
        return _SIGMOID if exponent(layer) not in (0, 1, 2) else frozenset()
    if kind == "LRN":
        param = layer.parameter("lrn_param")
        across = param is None or param.text("norm_region") == "ACROSS_CHANNELS"
        return _TANH if across else frozenset()
    if kind == "Eltwise":
        param = layer.parameter("eltwise_param")
        unstable = param is not None and not param.flag("stable_prod_grad")
        return _TANH if unstable and operation(layer) == "PROD" else frozenset()
    return frozenset()


def exponent(layer: Layer) -> float:
    """The `power` of a Power layer."""
    param = layer.parameter("power_param")
    return param.number("power") if param is not None else 1.0


def operation(layer: Layer) -> str:
    """The operation of an Eltwise layer."""
    param = layer.parameter("eltwise_param")
    return param.text("operation") if param is not None else "SUM"


def learnable_blobs(net: Net, layer: Layer) -> int:
    """How many blobs of its own a layer has; 0 for types that are not known well enough."""
    if layer.type == "BatchNorm":
        return len(net.traits(layer).blobs)
    if layer.type not in _BLOBS:
        return 0
    blobs, bias = _BLOBS[layer.type]
    if layer.type in ("Scale", "Bias") and len(layer.bottoms) > 1:
        blobs = 0
    if bias is None:
        return blobs
    param = layer.parameter(_PARAMETER.get(layer.type, "convolution_param"))
    if param is not None and "bias_term" in param:
        bias = param.flag("bias_term")
    return blobs + bias


def learns(net: Net, layer: Layer) -> bool:
    """Whether the solver moves any blob of a layer; statistics do not count."""
    rates = learning_rates(layer)
    if layer.type == "BatchNorm":
        traits = net.traits(layer)
        if net.dialect.masks_statistics:
            return traits.affine  # both multipliers are set to 1
        blobs = [i for i, role in enumerate(traits.blobs) if role in ("gamma", "beta")]
    else:
        blobs = list(range(learnable_blobs(net, layer)))
    return any(i >= len(rates) or rates[i] != 0 for i in blobs)


def learning_rates(layer: Layer) -> list[float]:
    """The multipliers that the layer's `param` blocks, or its `blobs_lr`, give."""
    if layer.generation == 2:
        return [param.lr_mult for param in layer.params]
    message = layer.message if layer.generation == 1 else layer.message.message("layer")
    return message.numbers("blobs_lr") if message is not None else []


def gradients(net: Net, view: View) -> frozenset[int]:
    """The ids of the blob versions that a gradient goes to because something above learns."""
    found: set[int] = set()
    forced = net.message.flag("force_backward")
    for layer in view.layers:
        stops = layer.message.values.get("propagate_down", ())
        below = any(
            id(version) in found and (i >= len(stops) or stops[i][0] is not False)
            for i, version in enumerate(view.bottoms[layer.index])
        )
        if below or (forced and layer.bottoms) or learns(net, layer):
            found.update(id(version) for version in view.tops[layer.index])
    return frozenset(found)


def in_place_tops(view: View, layer: Layer) -> Iterator[tuple[int, BlobVersion]]:
    """The tops of a layer that overwrite a bottom: index, and the version that is lost."""
    for i, version in enumerate(view.tops[layer.index]):
        if version.overwritten is not None:
            yield i, version.overwritten


def own_top(net: Net, layer: Layer, index: int) -> Fix | None:
    """The fix that gives an in-place layer a top of its own, or None where none is right."""
    name = free_name(net, layer.name or layer.type.lower())
    edits = rename_top(net, layer, index, name)
    bottom = layer.bottoms[index].node
    if not edits or any(bottom.start <= edit.start < bottom.end for edit in edits):
        return None
    return Fix(f"Write to a new blob '{name}'", tuple(edits))


def needs_bottom(net: Net, view: View, layer: Layer, learning: frozenset[int]) -> bool:
    """Whether a layer's backward pass reads a bottom that it does not overwrite itself.

    `learning` are the versions that a gradient goes to. Weights that do not learn need no
    input.
    """
    wanted = any(id(bottom) in learning for bottom in view.bottoms[layer.index])
    kind = layer.type
    if kind in ("Convolution", "Deconvolution", "InnerProduct"):
        return bool(learning) and learns(net, layer)
    if kind in ("Scale", "PReLU"):
        two = kind == "PReLU" or len(layer.bottoms) > 1
        return (two and wanted) or (bool(learning) and learns(net, layer))
    if kind in ("ReLU", "ELU", "LRN", "AbsVal", "BNLL", "Log"):
        return wanted
    if kind == "Power":
        return wanted and exponent(layer) not in (0, 1)
    return kind == "Eltwise" and wanted and operation(layer) == "PROD"
