"""A model with broken statistics computes, repaired, what exact statistics of the data give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.batchnorm.base import Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.caffe.registry import DIALECTS
from protolint.errors import UsageError
from protolint.execution.executor import Executor
from protolint.execution.run import executor_of
from protolint.execution.step import Array
from protolint.execution.weights import load_order, load_weights, save_weights
from protolint.net.net import Net
from protolint.recalibration.run import Recalibration
from protolint.weights.blobs import Form, decode_blob, form_of
from protolint.weights.files import mapped
from protolint.weights.index import index_model
from tests.execution.real import difference
from tests.golden import DIALECT_OF
from tests.golden import ROOTS as PLACES
from tests.sample import ALL, sample

FAULTS = ("tiny", "nine", "factor", "nan", "swapped")
BROOK = PLACES[0] / "bvlc-master-9b89154" / "brook"


def stored(path: Path) -> dict[str, list[Array]]:
    """The blobs of the BatchNorms of a binary model, as they lie there."""
    with mapped(str(path)) as (data, state):
        return {
            layer.name: [decode_blob(data, b, path=str(path), place="") for b in layer.blobs]
            for layer in index_model(str(path), data, state).layers
            if layer.type == "BatchNorm"
        }


def broken(
    net: Net, blobs: dict[str, list[Array]], fault: str, *, hdf5: bool = False
) -> dict[str, list[Array]]:
    """The blobs with a fault in every BatchNorm."""
    found = {name: [blob.copy() for blob in own] for name, own in blobs.items()}
    for layer in net.batchnorms:
        traits = net.traits(layer)
        roles = LAYOUTS[traits.kind.layout_of(affine=traits.affine)].roles
        own = found[layer.name]
        order = range(len(own)) if hdf5 else load_order(net.dialect, own)
        places = dict(zip(roles, order, strict=True))
        mean, spread = own[places[Role.MEAN]], own[places[Role.SPREAD]]
        if fault == "tiny":
            spread[...] = 1e-45
        elif fault == "nine":
            spread *= 9
        elif fault == "nan":
            spread[...] = np.nan
            mean.reshape(-1)[0] = np.nan
        elif fault == "factor":
            mean += 3
            if Role.FACTOR in places:
                own[places[Role.FACTOR]][...] = 0
        else:
            mean[...], spread[...] = spread[::-1].copy(), mean[::-1].copy()
    return found


def models(folder: str) -> list[tuple[Path, Path, Path]]:
    """The net, weights and input of each golden model of a folder."""
    found = {}
    for place in PLACES:
        for data in sorted((place / folder).glob("*.input.npy")):
            stem = data.name.removesuffix(".input.npy")
            texts = [data.with_name(f"{stem}{end}") for end in (".prototxt", ".deploy.prototxt")]
            weights = [
                path
                for path in sorted(data.parent.glob(f"{stem}*.caffemodel"))
                if "_half" not in path.name
            ]
            if weights:
                text = next(text for text in texts if text.exists())
                found[stem] = (text, weights[0], data)
    return list(found.values())


def exact(net: Net, weights: Path, data: Path) -> tuple[str, Array]:
    """The last blob where every BatchNorm has the statistics of the data itself."""
    executor = executor_of(net, weights, "TRAIN")
    blobs = executor.forward({next(iter(executor.inputs)): np.load(data)})
    last = executor.view.layers[-1].tops[0].name
    return last, blobs[last]


@pytest.mark.parametrize("folder", DIALECT_OF)
def test_five_faults_are_repaired_in_every_layout(folder: str, tmp_path: Path) -> None:
    for number, (text, weights, data) in enumerate(models(folder)):
        net = protolint.load(text, target=DIALECT_OF[folder], cudnn=False, isolated=True)
        if not net.batchnorms:
            continue
        last, wanted = exact(net, weights, data)
        before, fixed = tmp_path / "before.caffemodel", tmp_path / "fixed.caffemodel"
        for fault in sample(FAULTS, len(FAULTS), number % len(FAULTS)):
            save_weights(str(weights), broken(net, stored(weights), fault), str(before))
            for batch in (None, 1) if ALL or number % 3 == 0 else (None,):
                protolint.recalibrate(net, before, data, output=fixed, batch=batch, least=2)
                found = protolint.run(net, fixed, data=data)[last]
                assert difference(found, wanted) <= 1e-5, (text, fault, batch)
            outlines = [_outline(path) for path in (weights, fixed)]
            assert outlines[0] == outlines[1]


def _outline(path: Path) -> list[object]:
    with mapped(str(path)) as (data, state):
        return [
            (layer.name, layer.type, [(blob.shape, form_of(blob)) for blob in layer.blobs])
            for layer in index_model(str(path), data, state).layers
        ]


def _forms(path: Path) -> dict[str, list[Form | None]]:
    """The form of each blob, by the layer's name."""
    with mapped(str(path)) as (data, state):
        layers = index_model(str(path), data, state).layers
        return {
            layer.name: [form_of(blob) for blob in layer.blobs] for layer in layers if layer.blobs
        }


def test_only_statistics_change_and_the_factor_is_that_of_a_long_run(tmp_path: Path) -> None:
    net, weights, data = (
        BROOK.with_name(f"brook{end}") for end in (".prototxt", ".caffemodel", ".input.npy")
    )
    fixed = tmp_path / "fixed.caffemodel"
    found = protolint.recalibrate(net, weights, data, output=fixed, layers="norm_b")
    assert isinstance(found, Recalibration)
    assert [layer.name for layer in found.layers] == ["norm_b"]
    (layer,) = found.layers
    assert (layer.values, layer.still) == (128, 0)
    assert layer.factor is not None
    assert layer.factor[1] == pytest.approx(999.98236)
    before, after = (load_weights(str(path), DIALECTS["bvlc"]) for path in (weights, fixed))
    changed = {n for n in before if not all(map(np.array_equal, before[n], after[n]))}
    assert changed == {"norm_b"}
    assert weights.stat().st_size == fixed.stat().st_size


def test_a_net_that_runs_on_batch_statistics_is_measured_as_if_it_did_not(tmp_path: Path) -> None:
    text, weights, data = (
        BROOK.with_name(f"brook{end}") for end in (".prototxt", ".caffemodel", ".input.npy")
    )
    net = protolint.load(text, target="bvlc", isolated=True)
    param = b"batch_norm_param { use_global_stats: false } "
    changed = net.source.data.replace(b'type: "BatchNorm"', b'type: "BatchNorm" ' + param)
    other = protolint.load(changed, target="bvlc")
    assert other.batchnorms[0].batchnorm.use_global_stats is False
    found, wanted = (
        protolint.recalibrate(one, weights, data, batch=1).layers[1] for one in (other, net)
    )
    assert np.array_equal(found.mean[1], wanted.mean[1])
    assert np.array_equal(found.variance[1], wanted.variance[1])


@pytest.mark.parametrize("folder", DIALECT_OF)
def test_five_faults_are_repaired_in_hdf5_of_every_layout(folder: str, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    before, fixed = tmp_path / "before.caffemodel.h5", tmp_path / "fixed.caffemodel.h5"
    for number, (text, weights, data) in enumerate(models(folder)):
        net = protolint.load(text, target=DIALECT_OF[folder], cudnn=False, isolated=True)
        if not net.batchnorms:
            continue
        last, wanted = exact(net, weights, data)
        blobs = load_weights(str(weights), net.dialect)
        for fault in sample(FAULTS, len(FAULTS), number % len(FAULTS)):
            with h5py.File(before, "w") as file:
                for name, own in (blobs | broken(net, blobs, fault, hdf5=True)).items():
                    for i, blob in enumerate(own):
                        file.create_dataset(f"data/{name}/{i}", data=blob)
            protolint.recalibrate(net, before, data, output=fixed, least=2)
            found = protolint.run(net, fixed, data=data)[last]
            assert difference(found, wanted) <= 1e-5, (text, fault)


def test_five_blobs_of_one_channel_keep_their_places_in_hdf5(tmp_path: Path) -> None:
    """Only in binary files are they taken for the order of 0.15."""
    h5py = pytest.importorskip("h5py")
    net, before, fixed = (tmp_path / f"net.{end}" for end in ("prototxt", "h5", "fixed.h5"))
    net.write_text(
        'input: "x" input_shape { dim: [2, 1, 8, 8] }\n'
        'layer { name: "n" type: "BatchNorm" bottom: "x" top: "y"'
        " batch_norm_param { scale_bias: true } }\n"
    )
    with h5py.File(before, "w") as file:
        for i, value in enumerate((0.3, 2, 1, 1.5, 0.25)):
            file[f"data/n/{i}"] = np.array([value], np.float32)
    data = np.random.default_rng(0).normal(1, 3, (2, 1, 8, 8)).astype(np.float32)
    protolint.recalibrate(net, before, data, output=fixed, target="nvidia-0.17", isolated=True)
    with h5py.File(fixed) as file:
        found = [float(file[f"data/n/{i}"][0]) for i in range(5)]
    assert found == pytest.approx([data.mean(), data.var(), 1, 1.5, 0.25], rel=0.01)


@pytest.mark.parametrize("fault", FAULTS)
def test_statistics_among_halves_are_floats(fault: str, tmp_path: Path) -> None:
    for weights in sorted((PLACES[0]).glob("*/brook_half.caffemodel")):
        text = weights.with_suffix(".prototxt")
        data = weights.with_name("brook.input.npy")
        net = protolint.load(text, target=DIALECT_OF[weights.parent.name], isolated=True)
        before, fixed = tmp_path / "before.caffemodel", tmp_path / "fixed.caffemodel"
        halves = {
            name: [np.float32(np.float16(blob)) for blob in blobs]
            for name, blobs in broken(net, stored(weights), fault).items()
        }
        save_weights(str(weights), halves, str(before))
        assert _outline(before) == _outline(weights)
        found = protolint.recalibrate(net, before, data, output=fixed, least=2)
        last, wanted = exact(net, weights, data)
        assert difference(protolint.run(net, fixed, data=data)[last], wanted) <= 1e-5
        # Mean and variance are no halves; gamma, beta and all other layers are.
        with_floats = {layer.name for layer in found.layers}
        for name, forms in _forms(fixed).items():
            assert set(forms) == {Form.RAW_HALF} | ({Form.DATA} if name in with_floats else set())
            assert forms.count(Form.DATA) in (0, 2)


def test_what_cannot_be_repaired_is_refused_with_the_reason(tmp_path: Path) -> None:
    net, weights, data = (
        BROOK.with_name(f"brook{end}") for end in (".prototxt", ".caffemodel", ".input.npy")
    )
    batch = np.load(data)
    with pytest.raises(UsageError, match=r"'norm_a': 128 values per channel are too few.* 13 %"):
        protolint.recalibrate(net, weights, data, least=1000)
    with pytest.raises(UsageError, match=r"has no BatchNorm 'norm_c'; did you mean"):
        protolint.recalibrate(net, weights, data, layers=["norm_c"])
    with pytest.raises(protolint.ProtolintError, match="NaN or infinite"):
        protolint.recalibrate(net, weights, batch * np.float32("nan"))
    with pytest.raises(UsageError, match="no image in this folder"):
        protolint.recalibrate(net, weights, tmp_path, transform=_training(tmp_path))
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match="says nothing of how images are prepared"):
        protolint.recalibrate(net, weights, tmp_path)
    blobs = load_weights(str(weights), DIALECTS["bvlc"])
    blobs["mix_a"][0][0] = np.nan
    save_weights(str(weights), blobs, str(tmp_path / "nan.caffemodel"))
    with pytest.raises(UsageError, match="'norm_a': its input has NaN"):
        protolint.recalibrate(net, tmp_path / "nan.caffemodel", data)


def _training(folder: Path) -> Path:
    path = folder / "train.prototxt"
    path.write_text("""\
layer {
  name: "pix" type: "Data" top: "pix" data_param { source: "x" batch_size: 2 }
  transform_param { crop_size: 8 mean_value: 10 mean_value: 20 mean_value: 30 scale: 0.5 }
}
""")
    return path


def test_images_are_prepared_as_the_training_net_says(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    net, weights = BROOK.with_suffix(".prototxt"), BROOK.with_suffix(".caffemodel")
    values = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 3), np.uint8)
    for i, rgb in enumerate(values):
        image.fromarray(rgb).save(tmp_path / f"{i}.png")
    transform = _training(tmp_path)
    found = protolint.recalibrate(net, weights, tmp_path, transform=transform)
    means = np.array([10, 20, 30], np.float32).reshape(1, 3, 1, 1)
    cut = values[:, 1:9, 2:10, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    wanted = protolint.recalibrate(net, weights, (cut - means) * np.float32(0.5))
    for a, b in zip(found.layers, wanted.layers, strict=True):
        np.testing.assert_allclose(a.mean[1], b.mean[1], rtol=1e-6)
        np.testing.assert_allclose(a.variance[1], b.variance[1], rtol=1e-6)


def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    from protolint.recalibration.batches import batches_of

    net = protolint.load("input: 'x' input_shape { dim: [4, 3, 64, 64] }\n")
    path = tmp_path / "many.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (4000, 3, 64, 64))
    executor = Executor(net, {}, net.states[0])
    found = batches_of(executor, str(path))
    assert found.items == 4000
    assert found.size * 3 * 64 * 64 <= 64 << 20
    assert next(iter(found))["x"].shape == (found.size, 3, 64, 64)
