"""Who writes which layouts: the names that `--from` takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protolint.caffe.dialect import Layouts
from protolint.caffe.forks import FORK_LAYOUTS
from protolint.caffe.registry import DIALECTS, writers_of

__all__ = ["SOURCES", "sources_of"]

#: What each writer may have written, by name of `--from`: the first group that fits counts.
SOURCES: Mapping[str, Layouts] = MappingProxyType(
    {
        **{name: dialect.file_layouts for name, dialect in DIALECTS.items()},
        **FORK_LAYOUTS,
    }
)


def sources_of(layout: str) -> list[str]:
    """Return the names of SOURCES that may have written a layout, the likeliest first."""
    known = [dialect.name for dialect in writers_of(layout) if dialect.name in SOURCES]
    forks = (
        name for name, groups in FORK_LAYOUTS.items() if any(layout in group for group in groups)
    )
    return [*known, *forks]
