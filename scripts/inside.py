"""Work in another folder for a while; contextlib.chdir is not in Python 3.10."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["inside"]


@contextmanager
def inside(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder the working directory, and the old one again in the end."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
