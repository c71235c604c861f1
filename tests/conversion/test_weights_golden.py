"""Weights of real frameworks, converted; compared with what real frameworks made of them.

The nets in fixtures/golden always run; all others where the whole golden set lies
beside the checkout.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.batchnorm.facts import LayerFacts
from protolint.batchnorm.reading import norms_in, require
from protolint.batchnorm.reference import fold, largest_difference
from protolint.batchnorm.state import Array
from protolint.caffe.registry import DIALECTS
from protolint.conversion.run import convert
from protolint.errors import InputError
from protolint.source import Source
from protolint.weights.files import mapped
from protolint.weights.index import index_model
from protolint.workspace.reading import Readings
from tests.conversion.goldens import blobs_of, evaluate_model, function_of, output_of
from tests.sample import sample

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = REPOSITORY / "fixtures" / "golden"
SHARED = REPOSITORY.parent / "shared" / "golden"
MODELS = REPOSITORY.parent / "shared" / "corpus" / "models"

FOLDERS = {
    "bvlc": "bvlc-master-9b89154",
    "nvcaffe-0.14": "nvcaffe-0.14.5",
    "nvcaffe-0.15": "nvcaffe-0.15.14",
    "nvcaffe-0.16": "nvcaffe-0.16.6",
    "nvcaffe-0.17": "nvcaffe-0.17.4",
}
DIALECT_OF = {folder: name.replace("nvcaffe", "nvidia") for name, folder in FOLDERS.items()}
#: Every target, with both engines where they have layouts of their own.
TARGETS = [
    ("bvlc", None),
    ("nvidia-0.14", "cudnn"),
    ("nvidia-0.15", "caffe"),
    ("nvidia-0.15", "cudnn"),
    ("nvidia-0.16", None),
    ("nvidia-0.17", None),
]
#: The builds had no cuDNN.
ENGINE_OF = {"nvcaffe-0.14.5": "caffe", "nvcaffe-0.15.14": "caffe"}
#: A net whose output differs by the eps of 0.16 and later is corrected by the converter.
EPS_CHANGED = ("onyx",)


def input_and_output(path: Path) -> tuple[Path, Path]:
    """The files with the input and the output of a model or net, which may not be there."""
    given = path.with_name(f"{path.stem.removesuffix('_half')}.input.npy")
    return given, path.with_name(f"{path.stem}.output.npy")


def golden(pattern: str, *, with_output: bool = False) -> list[Any]:
    """The files of a pattern, from the own set and, if it is there, the whole one.

    `with_output` leaves out those that have no input and output of their own.
    """
    found: dict[str, Path] = {}
    for root in (OWN, SHARED):
        for path in sorted(root.glob(pattern)):
            if not with_output or all(file.exists() for file in input_and_output(path)):
                found.setdefault(str(path.relative_to(root)), path)
    return [pytest.param(path, id=name) for name, path in found.items()]


def batchnorms(path: Path) -> dict[str, tuple[LayerFacts, str, tuple[Array, ...]]]:
    """Each BatchNorm's facts and layout, and the blobs of the Scale layer behind it."""
    blobs = blobs_of(path)
    with mapped(str(path)) as (data, _):
        index = index_model(str(path), data)
        return {
            norm.name: (
                norm.facts,
                norm.layout.name,
                blobs[norm.facts.scale] if norm.facts.scale else (),
            )
            for norm in require("", norms_in(data, index))
        }


@pytest.mark.parametrize("path", golden("*/converted/*.caffemodel"))
def test_real_conversions_are_reproduced(path: Path, tmp_path: Path) -> None:
    match = re.fullmatch(r"(.*)\.from-(.*)\.caffemodel", path.name)
    assert match is not None
    source = path.parents[2] / FOLDERS[match[2]] / f"{match[1]}.caffemodel"
    target = DIALECT_OF[path.parents[1].name]
    made_path = tmp_path / "made.caffemodel"
    engine = "caffe" if target == "nvidia-0.15" else None
    convert(source, to=target, engine=engine, output=made_path)
    made, wanted = batchnorms(made_path), batchnorms(path)
    assert made.keys() == wanted.keys()
    copied = not re.match("bvlc", match[2])
    for name, (facts, layout, scale) in wanted.items():
        # A factor of 1 means the same in both, and nothing else tells them apart.
        assert made[name][1] == layout or {made[name][1], layout} == {"B3", "N16-3"}
        # The real file keeps the variance where 0.16 raises the eps; the converter does not.
        if made[name][0].norm.eps != facts.norm.eps and match[1] in EPS_CHANGED:
            continue
        given = [*made[name][0].blobs, *made[name][2]]
        for values, right in zip(given, [*facts.blobs, *scale], strict=True):
            assert values.shape == right.shape
            assert np.allclose(values, right, rtol=0 if copied else 1e-6, atol=0)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: "-".join(filter(None, t)))
@pytest.mark.parametrize("path", golden("*/*.caffemodel", with_output=True))
def test_converted_weights_give_the_output_of_the_framework(
    path: Path, target: tuple[str, str | None], tmp_path: Path
) -> None:
    given, wanted = input_and_output(path)
    made = tmp_path / "made.caffemodel"
    if keeps_a_scale(path, target):
        with pytest.raises(InputError, match="no layer type 'Scale'"):
            convert(path, to=target[0], engine=target[1], output=made)
        return
    convert(path, to=target[0], engine=target[1], output=made)
    output = evaluate_model(made, np.load(given))
    right = np.load(wanted)
    assert np.abs(output - right).max() <= 2e-5 * max(1, np.abs(right).max())


WEIGHTS = [param.values[0] for param in golden("*/*.caffemodel")]


@pytest.mark.parametrize("there", TARGETS, ids=lambda t: "-".join(filter(None, t)))
@pytest.mark.parametrize("path", golden("*/*.caffemodel"))
def test_there_and_back_returns_the_weights(
    path: Path, there: tuple[str, str | None], tmp_path: Path
) -> None:
    """From one target to every other and back: one model made for it, five ways from there.

    Models that are not shipped go a third of the ways, in turn.
    """
    first = tmp_path / "first.caffemodel"
    if keeps_a_scale(path, there):
        with pytest.raises(InputError, match="no layer type 'Scale'"):
            convert(path, to=there[0], engine=there[1], output=first)
        return
    convert(path, to=there[0], engine=there[1], output=first)
    before, layers = function_of(first), list(blobs_of(first))
    ways = [back for back in TARGETS if back != there and not keeps_a_scale(path, back)]
    for back in ways if OWN in path.parents else sample(ways, 3, WEIGHTS.index(path) % 3):
        way = "-".join(filter(None, back))
        second, third = (tmp_path / f"{way}-{i}.caffemodel" for i in (2, 3))
        convert(first, to=back[0], engine=back[1], output=second, bn_stat="variance")
        convert(second, to=there[0], engine=there[1], output=third, bn_stat="variance")
        after = function_of(third)
        assert before.keys() == after.keys()
        for name, state in before.items():
            assert largest_difference(fold(state), fold(after[name])) < 2.4e-7, way
            if after[name].eps == state.eps and not changes_eps(there, back, state.eps):
                assert_one_ulp(after[name].mean, state.mean)
                assert_one_ulp(after[name].variance, state.variance)
                assert np.array_equal(after[name].scale, state.scale), way
                assert np.array_equal(after[name].shift, state.shift), way
        # A variance of 0 cannot make up for a larger eps: gamma does, and needs a layer then.
        if path.stem != "unset":
            assert list(blobs_of(third)) == layers, way


def keeps_a_scale(path: Path, target: tuple[str, str | None]) -> bool:
    """Whether a net has a Scale layer of its own, and the target none."""
    return path.stem == "cedar" and target[0] == "nvidia-0.14"


def changes_eps(there: tuple[str, str | None], back: tuple[str, str | None], eps: float) -> bool:
    """Whether a variance has to make up for an eps on the way."""
    return "nvidia-0.14" in (there[0], back[0]) or eps < 9e-6


def assert_one_ulp(values: Array, right: Array) -> None:
    assert np.all(np.abs(values - right) <= np.spacing(np.abs(right)))


@pytest.mark.skipif(not MODELS.is_dir(), reason="the collection of public models is not here")
def test_every_public_model_converts_and_returns(tmp_path: Path) -> None:
    for path in sorted(MODELS.glob("*.caffemodel")):
        there, back = tmp_path / f"there-{path.name}", tmp_path / f"back-{path.name}"
        convert(path, to="nvidia-0.17", output=there)
        convert(there, to="bvlc", output=back)
        before, after = blobs_of(path), blobs_of(back)
        assert list(before) == list(after)
        states = [function_of(made) for made in (path, back)]
        for name, state in states[0].items():
            assert largest_difference(fold(state), fold(states[1][name])) < 2.4e-7
        paired = {facts.scale for facts, _, _ in batchnorms(path).values()}
        others = [name for name in before if name not in states[0] and name not in paired]
        for name in others:
            for values, right in zip(after[name], before[name], strict=True):
                assert np.array_equal(values, right, equal_nan=True)


@pytest.mark.parametrize("path", golden("*/*.caffemodel", with_output=True))
def test_convolutions_take_the_place_of_scale_layers_in_014(path: Path, tmp_path: Path) -> None:
    """The output is the framework's, and the way back restores numbers, layers and names."""
    given, wanted = input_and_output(path)
    there, back = tmp_path / "there.caffemodel", tmp_path / "back.caffemodel"
    # A Scale layer that belongs to no BatchNorm; blobs of two axes.
    refused = path.stem in ("cedar", "plane") and "0.14" not in path.parent.name
    with pytest.raises(InputError) if refused else contextlib.nullcontext():
        convert(path, to="nvidia-0.14", engine="caffe", scale_as="convolution", output=there)
    if refused:
        assert not list(tmp_path.iterdir())
        return
    assert all(len(blobs_of(there)[name]) == 3 for name in function_of(there))
    right = np.load(wanted)
    output = evaluate_model(there, np.load(given))
    assert np.abs(output - right).max() <= 2e-5 * max(1, np.abs(right).max())
    convert(there, to=DIALECT_OF[path.parent.name], engine=ENGINE_OF.get(path.parent.name),
            source="nvidia-0.14", output=back)  # fmt: skip
    states = function_of(path), function_of(back)
    for name, state in states[0].items():
        assert largest_difference(fold(state), fold(states[1][name])) < 2.4e-7
    assert list(blobs_of(back)) == list(blobs_of(path))


# A prototxt and its weights, converted in one call.


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: "-".join(filter(None, t)))
@pytest.mark.parametrize("path", golden("*/*.prototxt", with_output=True))
def test_a_net_and_its_weights_fit_each_other_and_give_the_output(
    path: Path, target: tuple[str, str | None], tmp_path: Path
) -> None:
    model, (given, wanted) = path.with_suffix(".caffemodel"), input_and_output(path)
    if not model.exists():
        pytest.skip("no weights of its own")
    home = DIALECT_OF[path.parent.name]
    refused = keeps_a_scale(path, target)
    with pytest.raises(InputError) if refused else contextlib.nullcontext():
        convert(path, model, to=target[0], engine=target[1], output=f"{tmp_path}/out/", source=home)
    if refused:
        assert not (tmp_path / "out").exists()
        return
    made = tmp_path / "out" / path.name
    dialect = DIALECTS[target[0]]
    net = Readings.of(Source(str(made), made.read_bytes())).read(dialect).nets[0]
    output = output_of(net, made.with_suffix(".caffemodel"), np.load(given))
    right = np.load(wanted)
    assert np.abs(output - right).max() <= 2e-5 * max(1, np.abs(right).max())


@pytest.mark.parametrize("model", golden("*/*.caffemodel"))
def test_a_model_of_the_target_stays_as_it_is(model: Path, tmp_path: Path) -> None:
    dialect = DIALECT_OF[model.parent.name]
    output = tmp_path / "same.caffemodel"
    report = convert(
        model, to=dialect, source=dialect, bn_stat="variance", half=True, output=output,
        engine=ENGINE_OF.get(model.parent.name),
    )  # fmt: skip
    layers = [layer for file in report.files for layer in file.layers]
    if any(layer.eps_before != layer.eps_after for layer in layers):
        # A file may say an eps that its Caffe would raise; this one says what it is.
        assert model.stem in EPS_CHANGED
        return
    assert all(layer.difference == 0 for layer in layers)
    # The numbers of a BatchNorm are never written as halves.
    assert output.read_bytes() == model.read_bytes() or model.stem.endswith("_half")
