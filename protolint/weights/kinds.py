"""What a file is: the only place that looks at first bytes and at the ends of names.

Text is only recognised as text here; whether it is a net or a solver is in its fields
(protolint.workspace.reading.classify).
"""

from __future__ import annotations

import os
from enum import Enum

from protolint.errors import InputError, UsageError
from protolint.record import NamedTuple

__all__ = [
    "OTHER_WEIGHTS",
    "SIGNATURE_BYTES",
    "FileKind",
    "Recognised",
    "format_of",
    "guess_at",
    "has_zero_bytes",
    "holds_weights",
    "is_hdf5",
    "is_utf16",
    "kind_of",
    "named_as_net",
    "named_as_other_weights",
    "named_as_schema",
    "named_as_weights",
    "recognise",
]


class FileKind(Enum):
    """What a file is."""

    NET = "net"
    SOLVER = "solver"
    LABELS = "label map"
    #: Text whose fields have not been read yet.
    TEXT = "text"
    MODEL = "weights"
    MODEL_HDF5 = "HDF5 weights"
    STATE = "solverstate"
    STATE_HDF5 = "HDF5 solverstate"
    SAFETENSORS = "safetensors"
    CHECKPOINT = "PyTorch checkpoint"
    OTHER = "other"

    @property
    def title(self) -> str:
        """What messages call such a file."""
        return _TITLES.get(self, self.value)

    @property
    def is_text(self) -> bool:
        """Whether the file is the prototxt of a net or a solver."""
        return self in (FileKind.NET, FileKind.SOLVER)

    @property
    def is_model(self) -> bool:
        """Whether the file holds weights that Caffe loads."""
        return self in (FileKind.MODEL, FileKind.MODEL_HDF5)


_TITLES = {
    FileKind.NET: "prototxt",
    FileKind.MODEL: "caffemodel",
    FileKind.MODEL_HDF5: "HDF5 caffemodel",
}


class Recognised(NamedTuple):
    """A file by its content; `kind` is None for bytes of no known format.

    `description` says what a file of another program is and what to do with it; "" for binary
    files of Caffe and for text.
    """

    kind: FileKind | None
    description: str


# The HDF5 file format specification, section II.A "Superblock".
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: How many bytes show whether a file is HDF5.
SIGNATURE_BYTES = len(_HDF5)

_ZIP = b"PK\x03\x04"
# The pickled magic number that PyTorch before 1.6 starts a checkpoint with
# (torch/serialization.py, MAGIC_NUMBER and DEFAULT_PROTOCOL).
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
# The longest header that the safetensors library accepts.
_LONGEST_HEADER = 100_000_000

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (_HDF5, "HDF5 content: it is read as a .caffemodel.h5, by the hdf5 extra"),
    (b"version https://git-lfs", "a Git LFS pointer, not the model: run `git lfs pull`"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it first"),
    (_ZIP, "a zip archive: unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x02", "a Python pickle, such as a PyTorch checkpoint"),
    (b"<!DOCTYPE", "a web page: the download did not give the model"),
    (b"<html", "a web page: the download did not give the model"),
)

#: What weights of another framework are, and what to do with them.
OTHER_WEIGHTS = "weights of another framework: `protolint stats` shows what they say"

_HEAD = 4096
_GUESSED_FROM = 256
# Where a zero byte shows that a file is no text.
_SEARCHED = 8192
# Text may hold these and nothing else below the blank.
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\v")
# How a net's name, its layers of either form, and its inputs start (NetParameter 1, 100, 2, 3).
_NETS = (b"\x0a", b"\xa2\x06", b"\x12", b"\x1a")


def named_as_net(path: str) -> bool:
    """Whether a file below a folder is a prototxt by its name."""
    return path.endswith(".prototxt")


def named_as_schema(path: str) -> bool:
    """Whether a file is a schema by its name."""
    return path.endswith(".proto")


def named_as_weights(path: str) -> bool:
    """Whether a file is weights of Caffe by its name: *.caffemodel, *.h5, *.hdf5."""
    return path.lower().endswith((".caffemodel", ".h5", ".hdf5"))


def named_as_other_weights(path: str) -> bool:
    """Whether a file is weights of another framework by its name."""
    return path.endswith((".pt", ".pth", ".safetensors"))


def holds_weights(path: str) -> bool:
    """Whether a file that is no text starts as a caffemodel does, binary or HDF5.

    Zero bytes make an empty model, but where the name is that of a prototxt a broken file.
    """
    try:
        with open(path, "rb") as file:
            head, size = file.read(_HEAD), os.fstat(file.fileno()).st_size
    except OSError:
        return False
    if head.startswith(b"\0") and path.lower().endswith((".prototxt", ".txt")):
        return False
    kind = kind_of(head, size)
    return kind is not None and kind.is_model


def is_hdf5(head: bytes) -> bool:
    """Whether a file that starts so is HDF5."""
    return head.startswith(_HDF5)


def is_utf16(head: bytes) -> bool:
    """Whether a file that starts so is text in UTF-16."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


def has_zero_bytes(data: bytes) -> bool:
    """Whether a file has a zero byte near its start, as text never has."""
    return b"\0" in data[:_SEARCHED]


def format_of(head: bytes) -> str | None:
    """Return the format of a file that is neither text nor protobuf, with what to do."""
    for signature, meaning in _SIGNATURES:
        if head.startswith(signature):
            return meaning
    return None


def guess_at(head: bytes) -> str | None:
    """Return a guess at the kind of a file that could not be read as a model; None if none fits."""
    start = head[:_GUESSED_FROM]
    known = format_of(start)
    if known is not None:
        return known
    if start and _is_text(start):
        return "text, such as a prototxt: give the binary weights"
    # SolverState.iter and BlobProto.num are field 1 too, but as a varint; the net's name is not.
    if start[:1] == b"\x08":
        return "perhaps a solverstate or a mean file: give the caffemodel"
    return None


def kind_of(head: bytes, size: int | None = None) -> FileKind | None:
    """Return what a file is by its first bytes; None for bytes of no known format.

    `size` is that of the whole file, if `head` is only a part. A solver state in HDF5 starts
    as a model does, and so is MODEL_HDF5 here; recognise looks inside.
    """
    if is_hdf5(head):
        return FileKind.MODEL_HDF5
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LONGEST_HEADER:
        return FileKind.SAFETENSORS
    if head.startswith(_OLD_TORCH):
        return FileKind.CHECKPOINT
    if format_of(head) is not None:
        return FileKind.OTHER
    if _is_text(head):
        return FileKind.TEXT
    if _starts_state(head, len(head) if size is None else size):
        return FileKind.STATE
    # Zero bytes are what is left of an empty model: a zero tag ends Caffe's parser.
    return FileKind.MODEL if head.startswith((*_NETS, b"\0")) else None


def recognise(path: str) -> Recognised:
    """Return what a file is by its content, looking into HDF5 files and zip archives.

    Raises UsageError for a folder and where h5py is needed and missing, InputError for a file
    that cannot be read, is empty, or is a damaged archive.
    """
    from protolint.weights.files import open_regular

    if os.path.isdir(path):
        raise UsageError(f"{path}: is a folder; name the files in it")
    with open_regular(path) as file:
        try:
            head = file.read(_HEAD) or b""
            size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise InputError(path, f"cannot be read: {error.strerror or error}") from None
    if not head:
        raise InputError(path, "is empty")
    kind = kind_of(head, size)
    if kind is FileKind.MODEL_HDF5:
        from protolint.weights.hdf5 import has_history

        return Recognised(FileKind.STATE_HDF5 if has_history(path) else kind, "")
    if head.startswith(_ZIP) and _is_checkpoint(path):
        kind = FileKind.CHECKPOINT
    if kind is FileKind.SAFETENSORS:
        return Recognised(kind, OTHER_WEIGHTS)
    return Recognised(kind, format_of(head) or "")


def _is_text(head: bytes) -> bool:
    """Whether bytes are text: the first string of a binary net has a length byte."""
    return not any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head)


def _starts_state(head: bytes, size: int) -> bool:
    """Whether a file starts as a SolverState does: with `iter`, or a blob of the history.

    A net starts with its name, a string of the same number as `iter`, or with a layer; an
    input of a net is a string of the same number as the history.
    """
    from protolint.caffe.field_numbers import SolverStateField
    from protolint.wire import LENGTH, VARINT, WireError, field_at

    try:
        first = field_at(head, 0, size)
    except (WireError, IndexError):
        return False
    if first.wire_type == LENGTH and first.number == SolverStateField.HISTORY:
        return not _is_text(head[first.value : first.end])
    return (first.number, first.wire_type) == (SolverStateField.ITER, VARINT)


def _is_checkpoint(path: str) -> bool:
    """Whether a zip archive is PyTorch's; raises InputError where it is damaged."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(path, f"a damaged zip archive ({error}); is it complete?") from None
    return any(name.rpartition("/")[2] == "data.pkl" for name in names)
