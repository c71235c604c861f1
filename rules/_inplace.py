"""Who overwrites whose data: in-place layers, shared memory, and what gradients need."""

from __future__ import annotations

from typing import NamedTuple

from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.names import Names
from protolint.net.learning import learns
from protolint.net.net import Net
from protolint.net.rename import rename_top
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

#: In-place layers on one blob; five are usual (convolution to dropout).
_LONGEST_CHAIN = 16


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


def own_top(net: Net, layer: Layer, index: int) -> Fix | None:
    """The fix that gives an in-place layer a top of its own, or None where none is right.

    Nor is one made where very many in-place layers follow, each of which would be renamed.
    """
    if any(_is_long_chain(view, view.tops[layer.index][index]) for view in net.views_of(layer)):
        return None
    name = Names(net.blob_names).free(layer.name or layer.type.lower())
    edits = rename_top(net, layer, index, name)
    bottom = layer.bottoms[index].node
    if not edits or any(bottom.start <= edit.start < bottom.end for edit in edits):
        return None
    return Fix(f"Write to a new blob '{name}'", tuple(edits))


def _is_long_chain(view: View, version: BlobVersion) -> bool:
    for _ in range(_LONGEST_CHAIN):
        tops = (top for reader in version.readers for top in view.tops[reader.index])
        below = next((top for top in tops if top.overwritten is version), None)
        if below is None:
            return False
        version = below
    return True


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
