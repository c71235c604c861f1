"""Several finished files get their names, all of them or none.

Where one cannot have its name, those that have theirs are taken back, and the files they replaced
are there again. Signals wait meanwhile, but for the one that cannot wait, SIGKILL: a journal in
each folder says what is being done there, so that the next run can put back what a killed one has
left half done. A journal names files of its own folder alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from protolint.errors import InputError, UsageError
from protolint.files import AtomicFile, signals_wait, sync_folder
from protolint.leftovers import JOURNAL, OLD, hold, journals_in, share, temporary_name

__all__ = ["publish_all", "put_back"]


def publish_all(files: Sequence[AtomicFile], *, replace: bool = False) -> None:
    """Give finished files their names, all of them or none.

    Raises InputError or UsageError, which say what is true then. Without `replace` never over
    another file. SIGINT, SIGTERM and SIGHUP wait until it is done.
    """
    if len(files) == 1:
        files[0].publish(replace=replace)
        return
    done: list[_Named] = []
    with signals_wait(), _journal(files) as journals:
        try:
            for file in files:
                named = _Named(file, aside=replace)
                done.append(named)
                file.take_name(replace=replace)
                named.published = True
        except BaseException as error:
            left = [text for named in reversed(done) if (text := named.take_back())]
            if left:
                journals.clear()  # The next run may put back what this one cannot.
                if isinstance(error, (InputError, UsageError)):
                    reason = str(error).removesuffix("; nothing was changed")
                    raise UsageError("; ".join((reason, *left))) from error
            raise
        _remove(journals)
        for named in done:
            named.forget()
    for file in files:
        file.discard()
    for folder in {file.folder for file in files}:
        sync_folder(folder)


class _Named:
    """A file that gets its name, and the one that had it before, kept aside meanwhile."""

    def __init__(self, file: AtomicFile, *, aside: bool) -> None:
        self.file = file
        self.published = False
        self.old = ""
        self._lock = -1
        if not aside or not os.path.lexists(file.target):
            return
        old = file.path + OLD
        try:
            os.link(file.target, old)
        except OSError:
            # No hard links here, or none to files of others.
            try:
                os.rename(file.target, old)
            except OSError as error:
                raise file.failure(error) from error
        self.old = old
        with suppress(OSError):
            self._lock = os.open(old, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            share(self._lock)

    def take_back(self) -> str:
        """Undo what was done; returns what could not be, "" for nothing."""
        target = self.file.target
        self._unlock()
        try:
            if self.old and not self.published and os.path.lexists(target):
                os.unlink(self.old)
            elif self.old:
                os.replace(self.old, target)
            elif self.published:
                os.unlink(target)
        except OSError as error:
            reason = error.strerror or str(error)
            if self.old:
                return f"{target} is changed already ({reason}), its old content is {self.old}"
            return f"{target} is written already and cannot be removed ({reason})"
        return ""

    def forget(self) -> None:
        """Remove the file that was replaced."""
        if self.old:
            with suppress(OSError):
                os.unlink(self.old)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            with suppress(OSError):
                os.close(self._lock)
            self._lock = -1


@contextmanager
def _journal(files: Sequence[AtomicFile]) -> Iterator[list[str]]:
    """Write a journal into each folder: of each file its name, and which file is the new one.

    Yields the paths of the journals. They go in the end, with or without an error.
    """
    from json import dumps

    folders: dict[str, list[list[object]]] = {}
    for file in files:
        status = os.stat(file.path)
        names = (os.path.basename(file.target), os.path.basename(file.path))
        row: list[object] = [*names, status.st_dev, status.st_ino]
        folders.setdefault(file.folder, []).append(row)
    descriptors: list[int] = []
    paths: list[str] = []
    try:
        for folder, rows in folders.items():
            path = os.path.join(folder, JOURNAL + os.urandom(6).hex())
            try:
                descriptors.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                paths.append(path)
                share(descriptors[-1])
                os.write(descriptors[-1], dumps(rows).encode())
            except OSError as error:
                raise files[0].failure(error) from error
        yield paths
    finally:
        _remove(paths)
        for descriptor in descriptors:
            with suppress(OSError):
                os.close(descriptor)


def _remove(journals: list[str]) -> None:
    while journals:
        with suppress(OSError):
            os.unlink(journals.pop())


def put_back(paths: Iterable[str]) -> list[str]:
    """Undo what a killed run has left half done in the folders of some files, or in a folder.

    Returns the files that are again what they were. Nothing of a living run is touched.
    """
    found: list[str] = []
    for folder in sorted({_folder_of(path) for path in paths}):
        for journal in journals_in(folder):
            with suppress(OSError), hold(journal) as descriptor:
                for row in _rows(os.read(descriptor, 1 << 20)):
                    found += _put_back(folder, *row)
                os.unlink(journal)
    return found


def _folder_of(path: str) -> str:
    path = os.path.realpath(path)
    return path if os.path.isdir(path) else os.path.dirname(path)


def _rows(data: bytes) -> list[tuple[str, str, int, int]]:
    """Return what a journal says; nothing of one that is not whole, as nothing was done yet."""
    from json import loads

    try:
        return [
            (target, new, device, node)
            for target, new, device, node in loads(data)
            if os.path.basename(target) == target
            and new == temporary_name(target, int(new.rpartition("-")[2]))
        ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []


def _put_back(folder: str, name: str, new: str, device: int, node: int) -> Iterator[str]:
    """Yield a file that has its old content again, or is gone again; raises OSError."""
    target, temporary = os.path.join(folder, name), os.path.join(folder, new)
    try:
        status = os.lstat(target)
        missing, published = False, (status.st_dev, status.st_ino) == (device, node)
    except FileNotFoundError:
        missing, published = True, False
    old = temporary + OLD
    if os.path.isfile(old) and (published or missing):
        os.replace(old, target)
        yield target
    elif published:
        os.unlink(target)
        yield target
    for path in (old, temporary):
        with suppress(FileNotFoundError):
            os.unlink(path)
