"""Files that appear whole or not at all.

The bytes go to a temporary file in the target's folder, are flushed to the disk, and
are renamed over the target. On any failure nothing is left behind; a process killed by
a signal may leave the temporary file, never a part of a target. The next one that writes the
same target removes what such a process has left: a file of the name that it wants to use
itself, and that nobody holds locked. protolint/publish.py gives several files their names.

A file that replaces another gets its permissions and its owner, a new one no more permissions
than its source. What cannot be kept is in `losses`.

A link is followed: what it points to is replaced, and the link stays. A pipe or a device is
never replaced.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import FileIO
from types import TracebackType

from protolint.errors import InputError, UsageError
from protolint.leftovers import OLD, is_free, share, temporary_name

__all__ = [
    "ANYWHERE", "AtomicFile", "check_target", "folder_named", "made_folder", "replace_file",
    "signals_wait", "sync_folder",
]  # fmt: skip

#: Whether threads can write to places of one file at once; Windows has no pwrite.
ANYWHERE = hasattr(os, "pwrite")

# What is written at once: for more, Linux takes memory in larger pieces, which a virtual machine
# may have to get from its host first. Measured: 8 MiB take up to five times as long.
_WRITE_BYTES = 512 << 10
# How much may wait for the disk; all of it would wait for the end otherwise.
_EARLY_BYTES = 8 << 20

# What copy_file_range says where it cannot work; cp goes on by hand after these too.
_NO_KERNEL_COPY = frozenset(
    (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)
)


def replace_file(path: str, data: bytes) -> list[str]:
    """Write a small file whole, over what is there; its permissions and its owner are kept.

    Returns what could not be kept (see AtomicFile). Into a pipe or a device that is there the
    bytes are written as they are. Raises InputError where it cannot be done; a file is then as
    it was.
    """
    target = os.path.realpath(path)
    with suppress(OSError):
        if not stat.S_ISREG(os.stat(target).st_mode):
            try:
                with open(target, "wb") as file:
                    file.write(data)
            except OSError as error:
                raise InputError(path, f"cannot be written: {error.strerror or error}") from None
            return []
    with AtomicFile(path) as output:
        output.write(data)
        output.finish()
        output.publish(replace=True)
    return output.losses


def check_target(
    source: str | None, target: str, *, in_place: bool = False, overwrite: bool = False
) -> None:
    """Refuse a target that must not be written.

    Raises UsageError for a directory, a FIFO or device, for the source itself unless
    `in_place`, and for another existing file unless `overwrite`.
    """
    try:
        status = os.lstat(os.path.realpath(target))
    except FileNotFoundError:
        status = None
    except OSError as error:
        raise InputError(target, f"cannot be written: {error.strerror or error}") from error
    same = False
    if status is not None:
        _check_kind(target, status.st_mode)
        same = source is not None and os.path.exists(source) and os.path.samefile(source, target)
    if in_place and not same:
        raise UsageError(f"{target}: is not the source, so it cannot be changed in place")
    if same and not in_place:
        raise UsageError(f"{target}: is the source; give another name, or --in-place to replace it")
    if status is not None and not (in_place or overwrite):
        raise UsageError(f"{target}: exists; give another name, or --force to replace it")


def _check_kind(target: str, mode: int) -> None:
    """Refuse what is there under the target's name but is not a regular file."""
    if stat.S_ISDIR(mode):
        raise UsageError(f"{target}: is a directory; give the name of a file in it")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{target}: is not a regular file; give another name")


class AtomicFile:
    """A new file in the target's folder that becomes the target, or disappears.

    Use in a `with` block: write, `finish`, then `publish`. Leaving the block without
    `publish` removes the file. Raises InputError, naming the target as it was given, when
    the system refuses (no folder, no space, no permission). `source` is the file that it is
    made of, whose permissions a new file does not exceed. `losses` says, once it is finished,
    what of the replaced file is not kept.
    """

    def __init__(self, target: str, source: str | None = None) -> None:
        self.given = target
        self.source = source
        self.target = os.path.realpath(target)
        self.folder = os.path.dirname(self.target)
        self.path = ""
        self.losses: list[str] = []
        self._descriptor = -1
        # Shares the lock, and keeps it when what is written is closed.
        self._lock = -1
        number = 1
        while not self.path:
            path = os.path.join(self.folder, temporary_name(self.target, number))
            number += 1
            if is_free(path) and is_free(path + OLD, self.target):
                self._create(path)

    def _create(self, path: str) -> None:
        """Make the file, unless another process has just made it, or takes it for one left."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            # 0o666 and not 0o600: the umask decides, as for any new file.
            self._descriptor = os.open(path, flags, 0o666)
        except FileExistsError:
            return
        except FileNotFoundError as error:
            folder = os.path.dirname(self.given) or os.curdir
            raise InputError(
                self.given, f"cannot be written: there is no folder {folder}"
            ) from error
        except OSError as error:
            raise self.failure(error) from error
        share(self._descriptor)
        try:
            self._lock = os.dup(self._descriptor)
            made = os.fstat(self._descriptor)
        except OSError as error:
            self.path = path
            self.discard()
            raise self.failure(error) from error
        now = _status(path)
        if now is None or not os.path.samestat(now, made):
            self.discard()
            return
        self.path = path

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def write(self, data: bytes | memoryview, at: int | None = None) -> None:
        """Write all of `data` behind what was written last, or at a place if that goes ANYWHERE."""
        rest = memoryview(data)
        try:
            while rest:
                if at is None or not ANYWHERE:
                    written = os.write(self._descriptor, rest[:_WRITE_BYTES])
                else:
                    written = os.pwrite(self._descriptor, rest[:_WRITE_BYTES], at)
                    at += written
                rest = rest[written:]
        except OSError as error:
            raise self.failure(error) from error

    def expect(self, size: int) -> None:
        """Let the file system find room in one go, where it can, for a file of so many bytes.

        That takes less than to find it for each write, or for each part of the file while the
        disk is busy with the one before.
        """
        fallocate = _of_linux("fallocate") if size >= _EARLY_BYTES else None
        if fallocate is not None:
            fallocate(self._descriptor, 0, 0, size)

    def copy_from(self, source: FileIO, start: int, end: int, at: int) -> int:
        """Let the kernel copy bytes of another file to a place, and return how many it could."""
        if not hasattr(os, "copy_file_range"):
            return 0
        try:
            return os.copy_file_range(source.fileno(), self._descriptor, end - start, start, at)
        except OSError as error:
            if error.errno in _NO_KERNEL_COPY:
                return 0
            raise self.failure(error) from error

    def begin(self, start: int, end: int) -> None:
        """Let the disk begin now and then with what is written, by other threads as well."""
        first = start // _EARLY_BYTES
        begin = _of_linux("sync_file_range") if end // _EARLY_BYTES > first else None
        if begin is not None:
            first = max(0, first - 1) * _EARLY_BYTES
            begin(self._descriptor, first, end - first, 2)  # SYNC_FILE_RANGE_WRITE

    def finish(self) -> None:
        """Bring everything to the disk and close, with the permissions and owner to have."""
        try:
            self._dress()
            os.fsync(self._descriptor)
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
        except OSError as error:
            raise self.failure(error) from error

    def _dress(self) -> None:
        """Give the file the owner and permissions of the one it replaces, or of its source."""
        if not hasattr(os, "fchmod"):
            return
        made = os.fstat(self._descriptor)
        before = _status(self.target)
        if before is None:
            source = _status(self.source) if self.source is not None else None
            if source is not None and stat.S_ISREG(source.st_mode):
                os.fchmod(self._descriptor, stat.S_IMODE(made.st_mode & source.st_mode))
            return
        owner, wanted = (made.st_uid, made.st_gid), (before.st_uid, before.st_gid)
        if owner != wanted:
            try:
                os.fchown(self._descriptor, *wanted)
            except OSError:
                # One who is in the group may still give it to the group.
                with suppress(OSError):
                    os.fchown(self._descriptor, -1, before.st_gid)
                self.losses.append(f"its owner (user {wanted[0]}, group {wanted[1]})")
        os.fchmod(self._descriptor, stat.S_IMODE(before.st_mode))
        if before.st_nlink > 1:
            others = before.st_nlink - 1
            names = "its other name" if others == 1 else f"its {others} other names"
            self.losses.append(f"{names} (hard links), where the old content stays")

    def publish(self, *, replace: bool = False) -> None:
        """Give the finished file its name; without `replace` never over another file.

        Raises InputError, UsageError. SIGINT, SIGTERM and SIGHUP wait until it is done.
        """
        with signals_wait():
            self.take_name(replace=replace)
        self.discard()
        sync_folder(self.folder)

    def take_name(self, *, replace: bool) -> None:
        """Do the part of `publish` that can be undone."""
        try:
            if replace or not self._linked():
                os.replace(self.path, self.target)
                self.path = ""
        except OSError as error:
            raise self.failure(error) from error

    def _linked(self) -> bool:
        """Take the name only if it is free; False where there are no hard links."""
        try:
            os.link(self.path, self.target)
        except OSError:
            # Either the name is taken, or the file system has no hard links.
            if os.path.lexists(self.target):
                raise UsageError(
                    f"{self.given}: has appeared meanwhile; nothing was changed"
                ) from None
            return False
        return True

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        with suppress(OSError):
            if self._descriptor >= 0:
                descriptor, self._descriptor = self._descriptor, -1
                os.close(descriptor)
        with suppress(OSError):
            if self.path:
                path, self.path = self.path, ""
                os.unlink(path)
        with suppress(OSError):
            if self._lock >= 0:
                descriptor, self._lock = self._lock, -1
                os.close(descriptor)

    def failure(self, error: OSError) -> InputError:
        """Return the one message about a target that cannot be written."""
        reason = error.strerror or str(error)
        return InputError(self.given, f"cannot be written: {reason}; nothing was changed")


@contextmanager
def signals_wait() -> Iterator[None]:
    """Let the signals that end a process wait; only the main thread can.

    A mask would not do: the threads of NumPy's libraries have none, and would take the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    waiting = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in waiting
        if number is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in came:
            signal.raise_signal(number)


@cache
def _of_linux(name: str) -> Callable[[int, int, int, int], int] | None:
    """Return a function of Linux's own; that of `os` does more, where there is one."""
    if sys.platform != "linux" or sys.maxsize <= 1 << 32:
        return None
    try:
        import ctypes

        found = ctypes.CDLL(None)[name]
    except (ImportError, OSError, AttributeError):
        return None
    # Each has four, and an int lies where a long does.
    found.argtypes = [ctypes.c_long] * 4
    function: Callable[[int, int, int, int], int] = found
    return function


def folder_named(output: str | None) -> str:
    """Return the folder that an output is called by its last letter (`DIR/`), else the current."""
    return output if output is not None and output.endswith(("/", os.sep)) else os.curdir


@contextmanager
def made_folder(folder: str) -> Iterator[None]:
    """Make a folder for results, and take it away again where none comes; raises UsageError."""
    made: list[str] = []
    path = folder.rstrip("/" + os.sep)
    while path and not os.path.isdir(path):
        made.append(path)
        path = os.path.dirname(path)
    try:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be made: {error.strerror or error}") from None
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                os.rmdir(path)
        raise


def _status(path: str) -> os.stat_result | None:
    """Return the status of a file, None where there is none."""
    try:
        return os.stat(path)
    except OSError:
        return None


def sync_folder(folder: str) -> None:
    """Bring the new name to the disk, where a folder can be opened and synced at all."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
