"""Writing files so that there is never half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile

from protolint.errors import InputError

__all__ = ["replace_file"]


def replace_file(path: str, data: bytes) -> None:
    """Write a file anew: to a temporary one beside it, flushed to disk, then renamed over it.

    A link is followed, permissions are kept. A device or a pipe is written into, never
    replaced. Raises InputError where it cannot be done; the file is then as it was.
    """
    target = os.path.realpath(path)
    temporary = None
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                file.write(data)
            return
        handle, temporary = tempfile.mkstemp(prefix=".protolint-", dir=os.path.dirname(target))
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise InputError(path, f"cannot be written: {error.strerror or error}") from None


def _mode(path: str) -> int:
    """The permissions of a file; those of a new one where there is none."""
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
