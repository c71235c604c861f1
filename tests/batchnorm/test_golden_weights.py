"""Weights written by real builds of five frameworks, decoded and converted.

The nets in fixtures/golden always run; all others where the whole golden set lies
beside the checkout.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from protolint.batchnorm.detect import detect
from protolint.batchnorm.facts import LayerFacts, facts_of, file_marks
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.reference import apply, fold, largest_difference
from protolint.batchnorm.state import Array, BatchNormState, with_affine
from protolint.batchnorm.stored_scales import stored_scales
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped
from protolint.weights.index import index_model

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = REPOSITORY / "fixtures" / "golden"
SHARED = REPOSITORY.parent / "shared" / "golden"

FOLDERS = {
    "bvlc": "bvlc-master-9b89154",
    "nvcaffe-0.14": "nvcaffe-0.14.5",
    "nvcaffe-0.15": "nvcaffe-0.15.14",
    "nvcaffe-0.16": "nvcaffe-0.16.6",
    "nvcaffe-0.17": "nvcaffe-0.17.4",
}
LAYOUTS_OF = {
    "bvlc-master-9b89154": {"B3"},
    "nvcaffe-0.14.5": {"B3"},
    "nvcaffe-0.15.14": {"N15A"},
    "nvcaffe-0.16.6": {"N16-3", "N16-5"},
    "nvcaffe-0.17.4": {"N16-3", "N16-5"},
}


class Norm(NamedTuple):
    """One BatchNorm of a file: its facts, layout, state, and its Scale's blobs."""

    facts: LayerFacts
    layout: str
    state: BatchNormState
    scale: tuple[Array, ...]


def pairs(pattern: str) -> list[Any]:
    """The weight files of a pattern, from the own set and, if it is there, the whole one."""
    roots = [OWN, *([SHARED] if SHARED.is_dir() else [])]
    return [
        pytest.param(path, id=f"{root.parent.name}-{path.relative_to(root)}")
        for root in roots
        for path in sorted(root.glob(pattern))
    ]


def load(path: Path) -> tuple[dict[str, Norm], dict[str, tuple[Array, ...]]]:
    """The BatchNorms of a file with the Scale layer after each, and all layers' blobs."""
    norms, blobs = {}, {}
    with mapped(str(path)) as (data, state):
        index = index_model(str(path), data, state)
        marks, scales = file_marks(index), stored_scales(data, index)
        for layer in index.layers:
            blobs[layer.name] = tuple(
                decode_blob(data, blob, path=str(path), place=layer.name) for blob in layer.blobs
            )
        for layer in index.layers:
            if layer.type != "BatchNorm":
                continue
            facts = facts_of(data, index, layer, marks, scales.get(layer.position))
            found = detect(facts)
            assert found.layout is not None, found
            decoded = found.layout.decode(facts.blobs, facts.norm.eps, facts.fraction)
            scale = () if facts.scale is None else blobs[facts.scale]
            if scale:
                decoded = with_affine(decoded, *scale)
            norms[layer.name] = Norm(facts, found.layout.name, decoded, scale)
    return norms, blobs


def meta_of(path: Path) -> dict[str, Any]:
    """What the framework itself said about the weights of a file."""
    name = re.sub(r"(_iter_6|_oldblobs)$", "", path.stem)
    meta: dict[str, Any] = json.loads((path.parent / f"{name}.meta.json").read_text())
    return meta


@pytest.mark.parametrize("path", pairs("*/*.caffemodel"))
def test_decoded_blobs_are_what_the_framework_held(path: Path) -> None:
    norms, blobs = load(path)
    meta = meta_of(path)
    assert {norm.layout for norm in norms.values()} <= LAYOUTS_OF[path.parent.name]
    assert sorted(norms) == sorted(
        name for name, layer in meta["layers"].items() if layer["type"] == "BatchNorm"
    )
    for name, layer in meta["layers"].items():
        assert [list(blob.shape) for blob in blobs[name]] == layer["blobs"]
    # Of solver runs and halves the framework told the shapes only.
    for name, layer in meta.get("batchnorm", {}).items():
        assert len(layer["blobs"]) == len(blobs[name])
        for number, values in layer["blobs"].items():
            assert blobs[name][int(number)].tolist() == values
    passes = meta.get("train_passes", meta.get("iterations"))
    for norm in norms.values():
        plain = norm.layout != "B3" and passes != 0
        assert norm.state.age.passes == (None if plain else passes)


@pytest.mark.parametrize("path", pairs("*/brook_half.caffemodel"))
def test_halves_are_near_the_floats_they_were_made_of(path: Path) -> None:
    floats, _ = load(path.with_name("brook.caffemodel"))
    for name, norm in load(path)[0].items():
        for half, single in zip(norm.facts.blobs, floats[name].facts.blobs, strict=True):
            assert half.dtype == np.float16
            assert np.array_equal(half, single.astype(np.float16))


@pytest.mark.parametrize("path", pairs("*/converted/*.caffemodel"))
def test_conversions_give_the_numbers_of_the_framework(path: Path) -> None:
    match = re.fullmatch(r"(.*)\.from-(.*)\.caffemodel", path.name)
    assert match is not None
    source_path = path.parents[2] / FOLDERS[match[2]] / f"{match[1]}.caffemodel"
    source, _ = load(source_path)
    target, _ = load(path)
    assert set(source) == set(target)
    for name, wanted in target.items():
        norm = source[name]
        layout = LAYOUTS[wanted.layout]
        separate = bool(wanted.scale)
        fitted = layout.fit(norm.state)
        # The golden files leave a variance as it is where the eps had to change.
        if fitted.eps != norm.state.eps:
            assert largest_difference(fold(norm.state), fold(fitted)) < 1e-6
            continue
        blobs = layout.encode(norm.state, separate_scale=separate)
        if separate:
            blobs += layout.scale_blobs(norm.state)
        exact = norm.state.factor == 1
        for made, given in zip(blobs, wanted.facts.blobs + wanted.scale, strict=True):
            assert made.shape == given.shape
            assert np.allclose(made, given, rtol=0 if exact else 1e-6, atol=0)
        assert largest_difference(fold(norm.state), fold(wanted.state)) < 1e-6 or exact


@pytest.mark.parametrize("path", pairs("*/*.caffemodel"))
def test_every_layout_and_back_keeps_the_function(path: Path) -> None:
    for norm in load(path)[0].values():
        for layout in LAYOUTS.values():
            if layout.reading_only:
                continue
            fitted = layout.fit(norm.state)
            blobs = layout.encode(norm.state, separate_scale=True)
            again = layout.decode(blobs, fitted.eps)
            again = with_affine(again, *layout.scale_blobs(norm.state))
            assert largest_difference(fold(norm.state), fold(again, layout.eps)) < 1e-6


def convolved(values: Array, weights: Array) -> Array:
    """A 3x3 convolution with a border of one, in float64."""
    padded = np.pad(values.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    result: Array = np.einsum("nchwij,ocij->nohw", windows, weights.astype(np.float64))
    return result


@pytest.mark.parametrize("path", pairs("*/brook.caffemodel") + pairs("*/brook_half.caffemodel"))
def test_the_formula_gives_the_output_of_the_framework(path: Path) -> None:
    root, name = path.parent, path.stem
    norms, blobs = load(path)
    values = np.load(root / "brook.input.npy")
    # 0.16.6 computes what 0.17.4 does; its tops were not kept.
    known = root / "brook.tops.npz"
    tops = np.load(known) if known.exists() and name == "brook" else {}
    for letter in "ab":
        values = convolved(values, blobs[f"mix_{letter}"][0])
        values = apply(fold(norms[f"norm_{letter}"].state), values)
        for layer in (f"norm_{letter}", f"affine_{letter}"):
            # The state has the Scale's numbers in it, so a BatchNorm before one differs.
            if layer in tops and (layer.startswith("affine") or not norms[f"norm_{letter}"].scale):
                assert np.abs(values - tops[layer]).max() < 2e-5
        values = np.maximum(values, 0)
    assert np.abs(values - np.load(root / f"{name}.output.npy")).max() < 2e-5
