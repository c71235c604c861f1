"""The names of temporary files, and the locks that show which a killed process has left.

A living process holds a lock on each temporary file and each journal of its own. What nobody
holds is left over: the next one that wants the name takes it.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows has no such locks: there a file that was left stays.
    _LOCKS = False
else:
    _LOCKS = True

__all__ = ["JOURNAL", "OLD", "hold", "is_free", "journals_in", "share", "temporary_name"]

# How much of a target's name is in that of its temporary file.
_LONGEST = 40

#: What follows that name while a file which is replaced is kept aside.
OLD = "-old"

#: With what the name of a journal begins: what protolint/publish.py does to a folder's files.
JOURNAL = ".protolint-journal-"


def temporary_name(target: str, number: int) -> str:
    """Return the name that a target's temporary file has, unless another has it."""
    name = os.path.basename(target)
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{zlib.crc32(os.fsencode(name)):08x}"
    return f".{name}.protolint-{number}"


def is_free(path: str, needs: str = "") -> bool:
    """Return whether nothing has a name, once what a process that is no more left there is gone.

    Only a file goes, and only if `needs` is there: what was kept aside of one that is gone stays.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return True
    if not stat.S_ISREG(status.st_mode) or (needs and _is_half_done(needs)):
        return False
    with suppress(OSError), hold(path):
        os.unlink(path)
        return True
    return False


def _is_half_done(target: str) -> bool:
    """Return whether a run that was killed may have left several files of this folder half done."""
    return not os.path.lexists(target) or bool(journals_in(os.path.dirname(target)))


def journals_in(folder: str) -> list[str]:
    """Return the paths of a folder's journals."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith(JOURNAL)]
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names)]


def share(descriptor: int) -> None:
    """Show by a lock that a living process has a file, where there are locks."""
    if _LOCKS:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def hold(path: str) -> Iterator[int]:
    """Lock a file that no living process has; raises OSError where one does, or without locks."""
    if not _LOCKS:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)
