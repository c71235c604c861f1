"""HDF5 models that no Caffe wrote: each is one clear message, soon, and nothing else is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.batchnorm.state import BatchNormState as State
from protolint.batchnorm.state import LayoutError, Statistic, with_affine
from protolint.errors import InputError
from protolint.weights.hdf5 import model_shapes, read_model
from protolint.weights.scan import scan_hdf5
from protolint.wire import length_delimited

h5py = pytest.importorskip("h5py")

READERS: list[Callable[[str], object]] = [model_shapes, read_model, scan_hdf5]


def written(path: Path, fill: Callable[[Any, Any], None]) -> str:
    with h5py.File(path, "w") as file:
        fill(file, file.create_group("data"))
    return str(path)


def external(file: Any, data: Any) -> None:
    data.create_dataset("a/0", (4,), "f4", external=[("secret.bin", 0, 16)])


def virtual(file: Any, data: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    data.create_virtual_dataset("a/0", layout)


def external_link(file: Any, data: Any) -> None:
    data["a"] = h5py.ExternalLink("other.h5", "/data/a")


def soft_link(file: Any, data: Any) -> None:
    data["a"] = h5py.SoftLink("/data")


def itself(file: Any, data: Any) -> None:
    data.create_group("a")["again"] = data


def deep(file: Any, data: Any) -> None:
    group = data
    for _ in range(3000):
        group = group.create_group("a")
    group.create_dataset("0", data=np.ones(3, np.float32))


def null(file: Any, data: Any) -> None:
    data.create_dataset("a/0", data=h5py.Empty("f4"))


def text(file: Any, data: Any) -> None:
    data.create_dataset("a/0", data=np.array([b"x", b"y"]))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (external, "the values of 'a/0' lie in other files"),
        (virtual, "the values of 'a/0' lie in other files"),
        (external_link, "'a' is a link to another place"),
        (soft_link, "'a' is a link to another place"),
        (itself, "more than 64 deep"),
        (deep, "more than 64 deep"),
        (null, "/data/a/0 has no values"),
        (text, "not float or double"),
    ],
)
def test_what_no_caffe_writes_is_refused(
    read: Callable[[str], object],
    fill: Callable[[Any, Any], None],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "secret.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    written(tmp_path / "other.h5", lambda file, data: data.create_dataset("a/0", data=[1.0]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        read(written(tmp_path / "m.caffemodel.h5", fill))


@pytest.mark.parametrize("read", READERS)
def test_a_name_need_not_be_utf_8(read: Callable[[str], Any], tmp_path: Path) -> None:
    def fill(file: Any, data: Any) -> None:
        data.create_group(b"bn_caf\xe9").create_dataset("0", data=np.ones(3, np.float32))

    assert set(read(written(tmp_path / "m.caffemodel.h5", fill))) == {"bn_caf\udce9"}


def test_a_name_with_a_slash_is_one_layer(tmp_path: Path) -> None:
    def fill(file: Any, data: Any) -> None:
        data.create_dataset("inception/1x1/0", data=np.ones((2, 3), np.float32))
        data.create_dataset("inception/1x1/1", data=np.ones(2, np.float64))

    path = written(tmp_path / "m.caffemodel.h5", fill)
    assert model_shapes(path) == {"inception/1x1": ((2, 3), (2,))}


def test_a_scale_of_other_channels_is_not_folded() -> None:
    three = np.ones(3, np.float32)
    state = State(three, three, Statistic.VARIANCE, 1.0, three * 2, None, 1e-5)
    for gamma, beta in ((np.ones(4, np.float32), None), (three, np.ones(4, np.float32))):
        with pytest.raises(LayoutError, match="has 4 channels, not 3"):
            with_affine(state, gamma, beta)


def test_more_layers_than_any_net_has(tmp_path: Path) -> None:
    """A caffemodel of 70,000 layers is read; it was refused from 66,667 on."""
    from protolint.weights.index import index_file

    layer = length_delimited(100, length_delimited(1, b"r") + length_delimited(2, b"ReLU"))
    path = tmp_path / "many.caffemodel"
    path.write_bytes(layer * 70_000)
    assert len(index_file(str(path)).layers) == 70_000
