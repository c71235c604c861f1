"""A batch against stored statistics, where the tops of real Caffes tell what flowed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.caffe.registry import DIALECTS
from protolint.errors import InputError, UsageError
from protolint.stats.data import gap_of
from protolint.stats.model import StatsReport
from protolint.stats.run import Options, collect
from protolint.workspace.settings import Settings
from protolint.workspace.workspace import Workspace

FOLDERS = ("bvlc-master-9b89154", "nvcaffe-0.15.14", "nvcaffe-0.17.4")


def run(net: Path, model: Path, batch: Path, *, runner: str = "numpy") -> StatsReport:
    return collect([str(model)], Options(net=str(net), data=str(batch), runner=runner))


def golden(fixtures: Path, folder: str, name: str = "brook") -> tuple[Path, Path, Path]:
    place = fixtures / "golden" / folder
    return place / "brook.prototxt", place / f"{name}.caffemodel", place / "brook.input.npy"


@pytest.mark.parametrize("runner", ["numpy", "opencv"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_flows_into_a_layer_is_what_its_caffe_had_there(
    folder: str, runner: str, fixtures: Path
) -> None:
    if runner == "opencv":
        pytest.importorskip("cv2")
    report = run(*golden(fixtures, folder), runner=runner)
    tops = np.load(fixtures / "golden" / folder / "brook.tops.npz")
    assert [measured.numbers.name for measured in report.measured] == ["norm_a", "norm_b"]
    for measured in report.measured:
        numbers = measured.numbers
        top = tops[numbers.name].astype(np.float64)
        own = folder.startswith("nvcaffe")  # there gamma and beta are the layer's
        gain = numbers.gain if own else 1 / np.sqrt(numbers.variance + numbers.eps)
        beta = numbers.beta if own else 0 * gain
        axes = (None, slice(None), None, None)
        flowed = (top - beta[axes]) / gain[axes] + numbers.mean[axes]
        mean, variance = flowed.mean((0, 2, 3)), flowed.var((0, 2, 3), ddof=1)
        np.testing.assert_allclose(measured.mean, mean, atol=2e-6)
        np.testing.assert_allclose(measured.variance, variance, rtol=2e-6)
        assert measured.count == top.size // numbers.channels
        shift = np.abs(mean - numbers.mean) / np.sqrt(numbers.variance + numbers.eps)
        np.testing.assert_allclose(measured.mean_shift, shift, atol=2e-6)


def test_the_gap_is_that_of_the_two_outputs_worked_out_one_by_one() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(1.0, 2.0, (6, 4, 5, 3))
    gamma, beta = np.array([1.0, -2.0, 0.5, 0.0]), np.array([0.0, 1.0, 2.0, 3.0])
    mean, variance = rng.normal(0.8, 0.2, 4), rng.uniform(2, 6, 4)
    numbers = Numbers("bn", "B3", mean, variance, gamma, beta, 1e-3)
    measured = gap_of(numbers, values)
    axes = (None, slice(None), None, None)

    def output(centre: Array, spread: Array) -> Array:
        scaled = (values - centre[axes]) / np.sqrt(spread[axes] + 1e-3)
        result: Array = gamma[axes] * scaled + beta[axes]
        return result

    train = output(values.mean((0, 2, 3)), values.var((0, 2, 3)))
    off = np.abs(train - output(mean, variance))
    size = np.sqrt(((train - beta[axes]) ** 2).mean())
    assert measured.gap == pytest.approx(np.sqrt((off**2).mean()) / size)
    assert measured.differs == pytest.approx((off > 0.1 * np.abs(gamma[axes])).mean())


def test_statistics_of_the_batch_itself_leave_no_gap() -> None:
    values = np.random.default_rng(6).normal(3, 2, (50, 3))
    ones = np.ones(3)
    numbers = Numbers("bn", "B3", values.mean(0), values.var(0), ones, ones, 1e-5)
    measured = gap_of(numbers, values)
    assert measured.gap == pytest.approx(0, abs=1e-12)
    assert measured.differs == 0
    np.testing.assert_allclose(measured.variance_ratio, 50 / 49, rtol=1e-5)
    one_value = gap_of(numbers, values[:1])
    assert one_value.count == 1
    np.testing.assert_allclose(one_value.variance, 0)


def test_the_snapshot_that_does_not_belong_shows_on_data(fixtures: Path) -> None:
    folder = fixtures / "stats"
    gaps = {}
    for iteration in (2000, 3000):
        model = folder / f"tide_iter_{iteration}.caffemodel"
        report = run(folder / "tide.prototxt", model, folder / "batch.npy")
        gaps[iteration] = [measured.gap for measured in report.measured]
    assert max(gaps[2000]) < 0.2
    assert gaps[3000][0] < 0.2 < 0.5 < gaps[3000][1]


@pytest.mark.parametrize("runner", ["numpy", "opencv"])
def test_half_precision_and_hdf5_run_too(runner: str, fixtures: Path, tmp_path: Path) -> None:
    if runner == "opencv":
        pytest.importorskip("cv2")
    h5py = pytest.importorskip("h5py")
    net, model, batch = golden(fixtures, "nvcaffe-0.17.4")
    whole = run(net, model, batch, runner=runner)
    half = run(net, model.with_name("brook_half.caffemodel"), batch, runner=runner)
    for a, b in zip(whole.measured, half.measured, strict=True):
        np.testing.assert_allclose(a.mean, b.mean, atol=2e-2)
    from protolint.weights.blobs import decode_blob
    from protolint.weights.files import mapped
    from protolint.weights.index import index_model

    for folder in ("bvlc-master-9b89154", "nvcaffe-0.17.4"):
        net, model, batch = golden(fixtures, folder)
        path = tmp_path / f"{folder}.caffemodel.h5"
        with mapped(str(model)) as (data, state), h5py.File(path, "w") as file:
            for entry in index_model(str(model), data, state).layers:
                for i, blob in enumerate(entry.blobs):
                    values = decode_blob(data, blob, path="", place="")
                    file[f"data/{entry.name}/{i}"] = values
        binary, stored = (run(net, p, batch, runner=runner) for p in (model, path))
        for a, b in zip(binary.measured, stored.measured, strict=True):
            np.testing.assert_allclose(a.mean, b.mean, atol=1e-6)


@pytest.mark.parametrize("runner", ["numpy", "opencv"])
@pytest.mark.parametrize("first", [True, False])
def test_a_net_with_several_inputs_takes_an_array_for_each(
    tmp_path: Path, fixtures: Path, first: bool, runner: str
) -> None:
    if runner == "opencv":
        pytest.importorskip("cv2")
    net, model, batch = golden(fixtures, "bvlc-master-9b89154")
    text = net.read_text("utf-8")
    extra = 'layer { name: "e" type: "Input" top: "e" input_param { shape { dim: 2 dim: 1 } } }\n'
    two = tmp_path / "two.prototxt"
    # What reads it stands below the last BatchNorm, and is of a type that OpenCV does not know.
    end = 'layer { name: "end" type: "BatchReindex" bottom: "e" bottom: "pix" top: "end" }\n'
    two.write_text((extra + text if first else text + extra) + end, "utf-8")
    with pytest.raises(UsageError, match=r"has 2 inputs \((pix, e|e, pix)\); give a .npz"):
        run(two, model, batch)
    values = np.load(batch)
    both = tmp_path / "both.npz"
    np.savez(both, pix=values, e=np.zeros((2, 1)))
    want, found = (
        run(*files, runner=runner) for files in ((net, model, batch), (two, model, both))
    )
    for a, b in zip(want.measured, found.measured, strict=True):
        np.testing.assert_array_equal(a.mean, b.mean)
    np.savez(both, pix=values)
    with pytest.raises(UsageError, match="has no array 'e'"):
        run(two, model, both)


def test_batches_that_do_not_fit_are_refused(tmp_path: Path, fixtures: Path) -> None:
    net, model, batch = golden(fixtures, "bvlc-master-9b89154")
    path = tmp_path / "x.npy"
    cases: list[tuple[object, str]] = [
        (np.zeros((2, 4, 8, 8)), "has the shape 2x4x8x8, and the input 'pix' of the net 2x3x8x8"),
        (np.zeros(3), "has the shape 3"),
        (np.full((2, 3, 8, 8), np.nan), "NaN or infinite"),
        (np.array(["a"]), "no numbers"),
        (np.array([{}], dtype=object), "no .npy or .npz of numbers"),
    ]
    for values, message in cases:
        np.save(path, np.asarray(values), allow_pickle=True)
        with pytest.raises((InputError, UsageError), match=message):
            run(net, model, path)
    path.write_bytes(batch.read_bytes()[:200])
    with pytest.raises(InputError, match=r"no .npy or .npz of numbers"):
        run(net, model, path)


def test_nets_and_weights_that_cannot_be_run_are_refused(tmp_path: Path, fixtures: Path) -> None:
    net, model, batch = golden(fixtures, "bvlc-master-9b89154")
    train = fixtures / "nets" / "bvlc_train_val.prototxt"
    with pytest.raises(UsageError, match="needs a deploy net"):
        run(train, model, batch)
    with pytest.raises(UsageError, match="needs the net"):
        collect([str(model)], Options(data=str(batch)))
    other = tmp_path / "other.prototxt"
    other.write_text(net.read_text("utf-8").replace("norm_", "other_"), "utf-8")
    with pytest.raises(UsageError, match=r"has no BatchNorm of .* whose statistics are known"):
        run(other, model, batch)
    pytest.importorskip("safetensors")
    tensors = fixtures / "stats" / "epoch_300.safetensors"
    with pytest.raises(UsageError, match="needs a caffemodel, not a safetensors"):
        run(net, tensors, batch)


def test_a_missing_opencv_and_a_missing_caffe_are_named(
    fixtures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = golden(fixtures, "bvlc-master-9b89154")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match=r"needs OpenCV .*\[verify\].* or --with caffe"):
        run(*files, runner="opencv")
    with pytest.raises(UsageError, match="--with caffe: your Caffe cannot run the net: pycaffe"):
        run(*files, runner="caffe")


def test_weights_of_another_caffe_are_converted_first(fixtures: Path) -> None:
    net, model, batch = golden(fixtures, "nvcaffe-0.15.14")
    want = run(net, model, batch)
    options = Options(net=str(net), data=str(batch), target=DIALECTS["nvidia-0.17"])
    found = collect([str(model)], options)
    for a, b in zip(want.measured, found.measured, strict=True):
        np.testing.assert_allclose(a.mean, b.mean, atol=1e-5)


def test_a_field_of_ones_own_caffe_is_none_to_the_conversion_either(
    fixtures: Path, tmp_path: Path
) -> None:
    net, model, batch = golden(fixtures, "nvcaffe-0.15.14")
    own = tmp_path / "own.prototxt"
    own.write_text(net.read_text().replace("layer {", "layer { moss: 1", 1))
    settings = Settings(extra_fields=frozenset({"LayerParameter.moss"}))
    found = collect(
        [str(model)],
        Options(
            net=str(own),
            data=str(batch),
            target=DIALECTS["nvidia-0.17"],
            workspace=Workspace(settings=settings),
        ),
    )
    assert len(found.measured) == len(run(net, model, batch).measured)


_STAND_IN = """\
import numpy
TEST = 1
class Blob:
    def reshape(self, *shape):
        self.data = numpy.zeros(shape, numpy.float32)
def set_mode_cpu():
    pass
class Net:
    def __init__(self, prototxt, model, phase):
        assert phase == TEST and "brook.caffemodel" in model
        text = open(prototxt).read()
        names = [part.split('"')[1] for part in text.split("top: ")[1:]]
        self.blobs = {name: Blob() for name in names}
    def reshape(self):
        pass
    def forward(self):
        channels = {"protolint_probe_0": 8, "protolint_probe_1": 6}
        for name, size in channels.items():
            self.blobs[name].reshape(2, size, 8, 8)
            self.blobs[name].data[...] = self.blobs["pix"].data.mean() + size
"""


def test_pycaffe_is_asked_for_the_same_blobs(
    tmp_path: Path, fixtures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "caffe.py").write_text(_STAND_IN, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    files = golden(fixtures, "bvlc-master-9b89154")
    report = run(*files, runner="caffe")
    mean = float(np.load(files[2]).mean())
    assert report.runner == "caffe"
    for measured in report.measured:
        np.testing.assert_allclose(measured.mean, mean + measured.numbers.channels, rtol=1e-6)
