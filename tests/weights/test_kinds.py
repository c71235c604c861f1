"""What a file is, by its first bytes, by its name, and by looking inside."""

from __future__ import annotations

import ast
import zipfile
from pathlib import Path

import pytest

from protolint.errors import InputError, UsageError
from protolint.weights.kinds import FileKind, guess_at, holds_weights, kind_of, recognise
from protolint.wire import length_delimited, varint_field

_REPOSITORY = Path(__file__).resolve().parents[2]

_NAME = length_delimited(1, b"net")
_LAYER = length_delimited(100, length_delimited(1, b"conv1"))
_BLOB = length_delimited(7, b"\x0a\x01\x02") + length_delimited(5, b"\0\0\x80\x3f" * 2)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        pytest.param(b'name: "net"\n', FileKind.TEXT, id="text"),
        pytest.param(b"\n\n# a net\n", FileKind.TEXT, id="text after empty lines"),
        pytest.param(_NAME + _LAYER, FileKind.MODEL, id="a net with a name"),
        pytest.param(_LAYER, FileKind.MODEL, id="a net without"),
        pytest.param(length_delimited(2, b"\x22\x01a"), FileKind.MODEL, id="V1 layers"),
        pytest.param(bytes(64), FileKind.MODEL, id="zero bytes"),
        pytest.param(
            length_delimited(3, b"data") + _LAYER, FileKind.MODEL, id="a net with an input"
        ),
        pytest.param(varint_field(1, 1000) + b"\x12\x01a", FileKind.STATE, id="iter"),
        pytest.param(length_delimited(3, _BLOB), FileKind.STATE, id="history"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(9), FileKind.MODEL_HDF5, id="HDF5"),
        pytest.param(b"\x10\0\0\0\0\0\0\0{" + b" " * 7, FileKind.SAFETENSORS, id="safetensors"),
        pytest.param(
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80", FileKind.CHECKPOINT, id="old torch"
        ),
        pytest.param(b"\x1f\x8b\x08\0", FileKind.OTHER, id="gzip"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", FileKind.OTHER, id="lfs"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF", None, id="a picture"),
    ],
)
def test_a_file_is_known_by_its_first_bytes(head: bytes, kind: FileKind | None) -> None:
    assert kind_of(head) is kind


def test_a_head_is_judged_by_the_size_of_the_whole_file() -> None:
    whole = length_delimited(3, _BLOB + bytes(9000))
    assert kind_of(whole[:4096], len(whole)) is FileKind.STATE


def test_an_archive_is_a_checkpoint_where_it_holds_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for name, kind in (("net/data.pkl", FileKind.CHECKPOINT), ("notes.txt", FileKind.OTHER)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        found = recognise(str(path))
        assert found.kind is kind
        assert found.description == "a zip archive: unpack it first"
    path.write_bytes(b"PK\x03\x04" + bytes(20))
    with pytest.raises(InputError, match="damaged zip archive"):
        recognise(str(path))


def test_an_hdf5_file_is_a_state_where_it_has_a_history(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "file"
    for name, kind in (("data/conv1/0", FileKind.MODEL_HDF5), ("history/0", FileKind.STATE_HDF5)):
        with h5py.File(path, "w") as file:
            file[name] = [1.0, 2.0]
        assert recognise(str(path)) == (kind, "")


def test_folders_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        recognise(str(tmp_path))
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(InputError, match="is empty"):
        recognise(str(empty))
    assert guess_at(b"") is None


def test_zero_bytes_are_weights_unless_the_name_is_that_of_a_text(tmp_path: Path) -> None:
    for name, weights in (("model", True), ("net.prototxt", False), ("NET.TXT", False)):
        path = tmp_path / name
        path.write_bytes(bytes(16))
        assert holds_weights(str(path)) is weights
    assert not holds_weights(str(tmp_path / "missing"))


def test_nobody_else_looks_at_the_signatures_of_files() -> None:
    wanted = (b"\x89HDF", b"PK\x03\x04", b"\x1f\x8b", b"\x80\x02", b"\xa2\x06")
    modules = [*(_REPOSITORY / "protolint").rglob("*.py"), *(_REPOSITORY / "rules").glob("*.py")]
    assert len(modules) > 200
    found = {
        path.name
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, bytes)
        and node.value.startswith(wanted)
    }
    assert found == {"kinds.py"}
