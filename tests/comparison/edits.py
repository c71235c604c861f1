"""Pairs of nets with one edit each, and the layer that the edit is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np

import protolint
from protolint.comparison.models import Model
from protolint.errors import ProtolintError
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.execution.weights import load_weights, save_weights
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.pairing import scales_in

__all__ = ["Pair", "converted", "edited_pairs"]

#: What to put into a layer of a type, or to replace in it, so that it computes something else.
_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "ReLU": (("", "relu_param { negative_slope: 0.3 }"),),
    "BatchNorm": (("", "batch_norm_param { eps: 0.2 }"), (r"eps: \S+", "eps: 0.2")),
    "Pooling": (("MAX", "AVE"), ("AVE", "MAX"), (r"stride: 2", "stride: 1")),
    "LRN": ((r"alpha: \S+", "alpha: 0.9"), (r"local_size: \d+", "local_size: 1")),
    "Eltwise": (("", "eltwise_param { operation: MAX }"), ("SUM", "MAX"), ("MAX", "SUM")),
    "Softmax": (("Softmax", "Sigmoid"),),
    "Convolution": ((r"pad: 1", "pad: 2"), (r"stride: 2", "stride: 1")),
    "Sigmoid": (("Sigmoid", "TanH"),),
    "Power": ((r"scale: \S+", "scale: 7"), (r"shift: \S+", "shift: 7")),
    "Concat": (("", "concat_param { axis: 0 }"),),
    "Tile": ((r"tiles: \d+", "tiles: 5"),),
    "Normalize": ((r"across_spatial: true", "across_spatial: false"),),
    "Scale": ((r"bias_term: true", "bias_term: true axis: 1 num_axes: 1"),),
}
_INSERTED = (
    'layer {{ name: "inserted" type: "Power" bottom: "{0}" top: "{0}"'
    " power_param {{ scale: 1.5 shift: 0.2 }} }}\n"
)


class Pair(NamedTuple):
    """Two models and the layer that an edit of the second is about."""

    name: str
    edit: str
    first: Model
    second: Model
    layer: str
    data: dict[str, Array]


class _Edit(NamedTuple):
    """An edited net and its weights."""

    what: str
    text: str
    weights: dict[str, list[Array]]
    layer: str


def edited_pairs(archive: Path, folder: Path, dialect: str, seed: int = 0) -> Iterator[Pair]:
    """For each net of real runs its edits in random order, those that do change something."""
    random = np.random.default_rng(seed)
    with ZipFile(archive) as file:
        names = sorted({name.split("/")[0] for name in file.namelist()})
        for name in names:
            file.extractall(folder, [n for n in file.namelist() if n.startswith(f"{name}/")])
            yield from _pairs_of(folder / name, dialect, random)


def converted(pair: Pair, folder: Path, target: str) -> Pair | None:
    """The same pair with the second model converted to another Caffe; None where it cannot be.

    Where gamma and beta move between a BatchNorm and its Scale, the two are that BatchNorm.
    """
    (folder / "made").mkdir(exist_ok=True)
    net, model = folder / "edited.prototxt", folder / "edited.caffemodel"
    net.write_bytes(pair.second.net.source.data)
    save_weights(str(folder / pair.name / "net.caffemodel"), pair.second.weights, str(model))
    try:
        report = protolint.convert(
            net, model, to=target, source=pair.second.net.dialect.name, engine="caffe",
            output=folder / "made", force=True, cudnn=False, isolated=True,
        )  # fmt: skip
    except ProtolintError:
        return None
    made = {result.path: result.output for result in report.files}
    other = protolint.load(Path(made[str(net)]), target=target, cudnn=False, isolated=True)
    second = Model(other, load_weights(made[str(model)], other.dialect))
    views = [view for view in pair.first.net.views if view.state == pair.first.state]
    scales = scales_in(pair.first.net, (views or pair.first.net.views)[0])
    for one in pair.first.net.batchnorms:
        scale = scales.get(one.index)
        after = next(la for la in other.batchnorms if la.name == one.name)
        moved = pair.first.net.traits(one).affine != other.traits(after).affine
        if scale is not None and scale.name == pair.layer and moved:
            return pair._replace(second=second, layer=one.name)
    return pair._replace(second=second)


def _pairs_of(folder: Path, dialect: str, random: np.random.Generator) -> Iterator[Pair]:
    text = (folder / "net.prototxt").read_text("utf-8")
    net = protolint.load(text + "\n", target=dialect, cudnn=False)
    weights = load_weights(str(folder / "net.caffemodel"), net.dialect)
    first = Model(net, weights)
    if any(p.name for la in net.layers for p in la.params) or 'param: "' in text:
        return
    view = Executor(*first).view
    with np.load(folder / "test.npz") as file:
        known = {key.replace("|", "/"): file[key] for key in file.files}
    sources = [*net.inputs, *(t.name for la in view.layers if not la.bottoms for t in la.tops)]
    data = {name: known[name] for name in sources if name in known}
    edits = [e for la in view.layers if la.bottoms for e in _edits(net, text, la, weights, random)]
    random.shuffle(edits)
    for edit in edits:
        try:
            other = protolint.load(edit.text + "\n", target=dialect, cudnn=False)
            second = Model(other, edit.weights)
            if _works(first, second, edit, data):
                yield Pair(folder.name, edit.what, first, second, edit.layer, data)
        except ProtolintError:
            continue


def _edits(
    net: Net,
    text: str,
    layer: Layer,
    weights: Mapping[str, Sequence[Array]],
    random: np.random.Generator,
) -> Iterator[_Edit]:
    start, end = layer.node.start, layer.node.end
    own = text[start:end]
    same = {name: list(blobs) for name, blobs in weights.items()}
    for i in range(len(weights.get(layer.name, ()))):
        changed = [blob.copy() for blob in weights[layer.name]]
        place = tuple(int(random.integers(size)) for size in changed[i].shape)
        changed[i][place] = changed[i][place] * 1.5 + 0.5
        yield _Edit(f"blob {i}", text, {**same, layer.name: changed}, layer.name)
    for old, new in _FIELDS.get(layer.type, ()):
        made = f"{own[:-1]} {new} }}" if not old else re.sub(old, new, own, count=1)
        if made != own and not (not old and new.split()[0] in own):
            yield _Edit(f"{old} {new}", text[:start] + made + text[end:], same, layer.name)
    if layer.is_in_place() and layer.name not in weights:
        yield _Edit("left out", text[:start] + text[end:], same, layer.name)
    top = layer.tops[0].name if layer.tops else ""
    if net.is_deploy and layer.generation == 2 and top:
        inserted = text[:end] + "\n" + _INSERTED.format(top) + text[end:]
        yield _Edit("inserted behind " + layer.name, inserted, same, "inserted")


def _works(first: Model, second: Model, edit: _Edit, data: Mapping[str, Array]) -> bool:
    """Whether an edited layer computes something else from the same bottoms."""
    runs, ends = [], []
    for model in (first, second):
        executor = Executor(*model)
        seen: dict[str, tuple[list[Array], list[Array]]] = {}
        before: list[list[Array]] = []

        def keep(_: Layer, bottoms: Sequence[Array], into: list[list[Array]] = before) -> None:
            into.append([bottom.copy() for bottom in bottoms])

        try:
            given = {k: v for k, v in data.items() if k in executor.inputs or _top(executor, k)}
            for layer in executor.passing(given, keep):
                tops = [executor.blobs[top.name].copy() for top in layer.tops]
                seen[layer.name] = (before[-1], tops)
        except ProtolintError:
            if edit.layer not in seen:
                raise
        runs.append(seen)
        ends.append([executor.blobs[n] for n in executor.view.outputs if n in executor.blobs])
    if not _far(*ends):
        return False
    if edit.what == "left out":
        bottoms, tops = runs[0][edit.layer]
        return _far(bottoms, tops[:1])
    if edit.layer == "inserted":
        return True
    bottoms, tops = runs[0][edit.layer]
    others, made = runs[1][edit.layer]
    return not _far(bottoms, others) and _far(tops, made)


def _top(executor: Executor, name: str) -> bool:
    return any(top.name == name for layer in executor.view.layers for top in layer.tops)


def _far(first: Sequence[Array], second: Sequence[Array]) -> bool:
    return any(
        a.shape != b.shape or np.abs(a - b).max(initial=0) > 1e-4 * np.abs(b).max(initial=1e-9)
        for a, b in zip(first, second, strict=False)
    )
