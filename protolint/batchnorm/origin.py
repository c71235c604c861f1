"""Who wrote a weight file, by its marks and the layouts of its BatchNorms."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.batchnorm.facts import FileMarks
from protolint.batchnorm.reading import Norm
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import FORK_LAYOUTS
from protolint.caffe.registry import (
    DEFAULT,
    DIALECTS,
    NEWEST,
    writer_of_zero_factor,
    writers_of,
)
from protolint.record import NamedTuple

__all__ = ["Writer", "writer_of"]

# Forms of the same three blobs, which do not show which Caffe wrote them.
_THREE_SUMS = ("B3", "I3", "B3-second-moment")


class Writer(NamedTuple):
    """Who wrote a weight file: a name that `--from` takes, and why.

    `dialect` is the Caffe in whose words the file is read: its writer, or for a fork that is no
    dialect one that has words for its layouts.
    """

    name: str
    dialect: Dialect
    reason: str

    @property
    def is_dialect(self) -> bool:
        """Whether the writer itself is a Caffe that a file can be checked for."""
        return self.name == self.dialect.name


def writer_of(norms: Sequence[Norm], marks: FileMarks, source: str | None = None) -> Writer:
    """Return who wrote a file, as far as it shows; `source` is what the user says.

    A BatchNorm whose layout is not certain counts as its likeliest layout, if that one holds
    gamma and beta.
    """
    found = _by_marks(norms, marks) or _by_layouts(norms)
    if source is None:
        return found
    return Writer(source, DIALECTS.get(source, found.dialect), "as asked")


def _by_marks(norms: Sequence[Norm], marks: FileMarks) -> Writer | None:
    if marks.nvidia is None:
        return None
    for norm in norms:
        blobs = norm.facts.blobs
        unset = len(blobs) == 3 and blobs[2].size == 1 and not blobs[2].any()
        if unset and blobs[1].any():
            # The factor started at 0 up to v0.16.4, and nothing ever set it.
            dialect = writer_of_zero_factor()
            return Writer(dialect.name, dialect, f"from the factor 0 of '{norm.name}'")
    return Writer(NEWEST.name, NEWEST, f"as {marks.nvidia}")


def _by_layouts(norms: Sequence[Norm]) -> Writer:
    first: dict[str, Norm] = {}
    for norm in norms:
        for candidate in norm.detection.candidates[:1]:
            if candidate.layout.affine or norm.detection.certain:
                first.setdefault(candidate.layout.name, norm)
    likely = [_writers(name) for name in first]
    shared = [d for d in likely[0] if all(d in some for some in likely)] if likely else [DEFAULT]
    dialect = shared[0] if shared else NEWEST
    affine = [n for n in first.values() if n.detection.candidates[0].layout.affine]
    reason = "nothing in the file points to another"
    if affine:
        reason = f"from the blobs of '{affine[0].name}'"
    for name, groups in FORK_LAYOUTS.items():
        if first and all(any(layout in group for group in groups) for layout in first):
            return Writer(name, dialect, reason)
    return Writer(dialect.name, dialect, reason)


def _writers(layout: str) -> list[Dialect]:
    alike = _THREE_SUMS if layout in _THREE_SUMS else (layout,)
    return [dialect for name in alike for dialect in writers_of(name)]
