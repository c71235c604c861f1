"""HDF5 models and solver states: the same results as binary ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.conversion.run import convert
from protolint.errors import InputError
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped
from protolint.weights.index import index_model

h5py: Any = pytest.importorskip("h5py")

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
BVLC = GOLDEN / "bvlc-master-9b89154"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "golden" / "bvlc-master-9b89154"


def binary_blobs(path: Path) -> dict[str, list[np.ndarray]]:
    with mapped(str(path)) as (data, _):
        index = index_model(str(path), data)
        return {
            layer.name: [
                decode_blob(data, blob, path=str(path), place=layer.name) for blob in layer.blobs
            ]
            for layer in index.layers
        }


def hdf5_blobs(path: Path) -> dict[str, list[np.ndarray]]:
    with h5py.File(path) as file:
        return {
            name: [group[str(i)][()] for i in range(len(group))]
            for name, group in file["data"].items()
        }


def as_hdf5(source: Path, target: Path) -> None:
    """The same model as Caffe writes it in HDF5: a group for each layer, empty ones too."""
    with h5py.File(target, "w") as file:
        for name, blobs in binary_blobs(source).items():
            group = file.create_group(f"data/{name}")
            for i, values in enumerate(blobs):
                group.create_dataset(str(i), data=values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    as_hdf5(BVLC / "brook.caffemodel", tmp_path / "net.caffemodel.h5")
    (tmp_path / "net.prototxt").write_bytes((BVLC / "brook.prototxt").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("target", "engine"),
    [
        ("bvlc", None),
        ("nvidia-0.14", "cudnn"),
        ("nvidia-0.15", "caffe"),
        ("nvidia-0.15", "cudnn"),
        ("nvidia-0.17", None),
    ],
)
def test_the_numbers_are_those_of_the_binary_model(
    target: str, engine: str | None, folder: Path
) -> None:
    convert(
        folder / "net.caffemodel.h5",
        folder / "net.prototxt",
        to=target,
        engine=engine,
        output=f"{folder}/out/",
    )
    convert(
        BVLC / "brook.caffemodel", to=target, engine=engine, output=folder / "binary.caffemodel"
    )
    made = hdf5_blobs(folder / "out" / "net.caffemodel.h5")
    wanted = binary_blobs(folder / "binary.caffemodel")
    assert made.keys() == wanted.keys()
    for name, blobs in wanted.items():
        assert [values.shape for values in made[name]] == [values.shape for values in blobs]
        assert all(np.array_equal(a, b) for a, b in zip(made[name], blobs, strict=True))


def test_convolutions_for_scale_layers_there_and_back(folder: Path) -> None:
    files = [folder / "net.caffemodel.h5", folder / "net.prototxt"]
    as_convolution: Any = {"engine": "caffe", "scale_as": "convolution"}
    convert(*files, to="nvidia-0.14", output=f"{folder}/out/", **as_convolution)
    there = [folder / "out" / path.name for path in files]
    made, before = hdf5_blobs(there[0]), hdf5_blobs(files[0])
    assert [values.shape for values in made["affine_a"]] == [(8, 1, 1, 1), (8,)]
    assert all(np.array_equal(a, b) for a, b in zip(made["norm_a"], before["norm_a"], strict=True))
    convert(*there, to="bvlc", source="nvidia-0.14", output=f"{folder}/back/")
    after = hdf5_blobs(folder / "back" / "net.caffemodel.h5")
    assert before.keys() == after.keys()
    for name, blobs in before.items():
        assert all(np.array_equal(a, b) for a, b in zip(blobs, after[name], strict=True))


def test_there_and_back_restores_layers_and_names(folder: Path) -> None:
    files = [folder / "net.caffemodel.h5", folder / "net.prototxt"]
    convert(*files, to="nvidia-0.17", output=f"{folder}/out/")
    there = [folder / "out" / path.name for path in files]
    convert(*there, to="bvlc", output=f"{folder}/back/")
    before, after = hdf5_blobs(files[0]), hdf5_blobs(folder / "back" / "net.caffemodel.h5")
    assert before.keys() == after.keys()
    for name in ("affine_a", "affine_b", "mix_a", "mix_b"):
        assert all(np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))


def test_without_a_prototxt_nobody_knows_what_the_layers_are(folder: Path) -> None:
    with pytest.raises(InputError, match="give the net's prototxt too"):
        convert(folder / "net.caffemodel.h5", to="nvidia-0.17")


def test_five_blobs_of_one_channel_are_proven_as_hdf5_loads_them(tmp_path: Path) -> None:
    """Only in binary files are they taken for the order of 0.15."""
    (tmp_path / "net.prototxt").write_text(
        'input: "x" input_shape { dim: [2, 1, 8, 8] }\n'
        'layer { name: "n" type: "BatchNorm" bottom: "x" top: "y"'
        " batch_norm_param { scale_bias: true engine: CUDNN } }\n"
    )
    with h5py.File(tmp_path / "net.caffemodel.h5", "w") as file:
        for i, value in enumerate((0.3, 2, 1, 1.5, 0.25)):
            file[f"data/n/{i}"] = np.array([value], np.float32)
    files = [tmp_path / "net.prototxt", tmp_path / "net.caffemodel.h5"]
    report = convert(*files, to="nvidia-0.17", source="nvidia-0.16", output=f"{tmp_path}/out/")
    assert len(report.files) == 2


def test_a_solver_state_needs_the_net_with_all_layers_of_its_model(folder: Path) -> None:
    with h5py.File(folder / "net.caffemodel.h5", "a") as file:
        file["data/more/0"] = np.ones(3, np.float32)
    with h5py.File(folder / "net.solverstate.h5", "w") as file:
        file["learned_net"] = "net.caffemodel.h5"
        file.create_group("history")
    files = [folder / name for name in ("net.caffemodel.h5", "net.solverstate.h5", "net.prototxt")]
    with pytest.raises(InputError, match="has layers that no prototxt has"):
        convert(*files, to="nvidia-0.17", output=f"{folder}/out/")
    with h5py.File(folder / "net.solverstate.h5", "a") as file:
        file["history/1"] = np.ones(3, np.float32)
    with pytest.raises(InputError, match="a history blob is missing"):
        convert(*files, to="nvidia-0.17", output=f"{folder}/out/")


def test_a_damaged_file_is_one_message(folder: Path) -> None:
    path = folder / "net.caffemodel.h5"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        convert(path, folder / "net.prototxt", to="nvidia-0.17")
    assert not list(folder.glob("*nvidia*"))


def test_a_disk_that_is_full_is_one_message(folder: Path) -> None:
    """A limit on the size of a file is met in the middle of writing, as a full disk is."""
    with h5py.File(folder / "net.caffemodel.h5", "a") as file:
        file.create_dataset("data/large/0", data=np.zeros((200, 200), np.float32))
    script = (
        "import resource, signal, sys\n"
        "from protolint.conversion.run import convert\n"
        "from protolint.errors import InputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))\n"
        "try:\n"
        "    convert('net.caffemodel.h5', 'net.prototxt', to='nvidia-0.17')\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    before = sorted(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, check=True
    )
    name = "net.nvidia-0.17.caffemodel.h5"
    assert done.stdout == f"{name}: cannot be written: File too large; nothing was changed\n"
    assert sorted(folder.iterdir()) == before


def test_a_state_follows_its_model(folder: Path) -> None:
    order = ["mix_a", "norm_a", "affine_a", "mix_b", "norm_b", "affine_b"]
    blobs = hdf5_blobs(folder / "net.caffemodel.h5")
    shapes = [values.shape for name in order for values in blobs[name]]
    with h5py.File(folder / "net.solverstate.h5", "w") as file:
        file.create_dataset("iter", data=np.array([7], np.int32))
        file.create_dataset("current_step", data=np.array([1], np.int32))
        file.create_dataset("learned_net", data=np.bytes_(b"net.caffemodel.h5"))
        for i, shape in enumerate(shapes):
            file.create_dataset(f"history/{i}", data=np.full(shape, i + 1.0, np.float32))
    files = [folder / name for name in ("net.caffemodel.h5", "net.solverstate.h5", "net.prototxt")]
    convert(*files, to="nvidia-0.15", engine="caffe", output=f"{folder}/out/")
    with h5py.File(folder / "out" / "net.solverstate.h5") as file:
        values = [float(file["history"][str(i)][()].flat[0]) for i in range(len(file["history"]))]
        assert file["learned_net"][()].decode() == f"{folder}/out/net.caffemodel.h5"
        assert file["iter"][()].tolist() == [7]
    # mix, then gamma, beta, mean, variance and the unused blob, twice
    assert values == [1, 5, 6, 2, 3, 0, 7, 11, 12, 8, 9, 0]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the whole golden set is not here")
@pytest.mark.parametrize("net", ["brook", "cedar", "fork", "onyx", "ridge", "unset"])
def test_files_of_the_real_framework(net: str, tmp_path: Path) -> None:
    files = [SHARED / f"{net}.caffemodel.h5", SHARED / f"{net}.prototxt"]
    convert(*files, to="nvidia-0.17", output=f"{tmp_path}/")
    convert(
        SHARED / f"{net}.caffemodel",
        SHARED / f"{net}.prototxt",
        to="nvidia-0.17",
        output=f"{tmp_path}/binary/",
    )
    made = hdf5_blobs(tmp_path / f"{net}.caffemodel.h5")
    wanted = binary_blobs(tmp_path / "binary" / f"{net}.caffemodel")
    assert made.keys() == wanted.keys()
    for name, blobs in wanted.items():
        assert all(np.array_equal(a, b) for a, b in zip(made[name], blobs, strict=True))
