"""What a file is that is no caffemodel, told from its first bytes."""

from __future__ import annotations

__all__ = ["HDF5_SIGNATURE", "by_signature", "what_it_is"]

# The HDF5 file format specification, section II.A "Superblock".
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (HDF5_SIGNATURE, "HDF5 content: it is read as a .caffemodel.h5, by the hdf5 extra"),
    (b"version https://git-lfs", "a Git LFS pointer, not the model: run `git lfs pull`"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x02", "a Python pickle, such as a PyTorch checkpoint"),
    (b"<!DOCTYPE", "a web page: the download did not give the model"),
    (b"<html", "a web page: the download did not give the model"),
)

_LOOKED_AT = 256


def by_signature(head: bytes) -> str | None:
    """The kind of a file whose format begins with fixed bytes, with what to do."""
    for signature, meaning in _SIGNATURES:
        if head.startswith(signature):
            return meaning
    return None


def what_it_is(head: bytes) -> str | None:
    """A guess at the kind of a file that could not be read; None if none fits."""
    start = head[:_LOOKED_AT]
    known = by_signature(start)
    if known is not None:
        return known
    if start and all(byte in b"\t\n\r\f" or byte >= 0x20 for byte in start):
        return "text, such as a prototxt: give the binary weights"
    # SolverState.iter and BlobProto.num are field 1 too, but as a varint; the net's name is not.
    if start[:1] == b"\x08":
        return "perhaps a solverstate or a mean file: give the caffemodel"
    return None
