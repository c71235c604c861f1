"""The manners of every verb that writes: where results go, and what is only shown.

A verb takes `result_options` and gives `Manners.each` a function that makes the result of one
file. Files are done one by one: one that cannot be done is named and left, the rest is done.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import click

from protolint.cli.options import PathType, colour_option
from protolint.cli.terminal import Problems, coloured, put, warn
from protolint.difference import unified_diff
from protolint.errors import FOUND, OK, ProtolintError, UsageError
from protolint.files import check_target, folder_named, made_folder, replace_file
from protolint.record import NamedTuple
from protolint.report.style import coloured_diff
from protolint.shown import shown
from protolint.source import Source

__all__ = ["BinaryResult", "Manners", "Result", "TextResult", "difference", "result_options"]


class Result(Protocol):
    """What a verb makes of one file."""

    @property
    def changed(self) -> bool:
        """Whether it differs from the source."""

    @property
    def remarks(self) -> Sequence[str]:
        """What deserves a line on standard error."""

    def difference(self) -> str:
        """Return the change as a unified diff."""

    def show(self) -> None:
        """Write it to standard output."""

    def write(self, target: str, *, in_place: bool, overwrite: bool) -> None:
        """Write it to a file; raises ProtolintError, and then nothing has changed."""


class TextResult(NamedTuple):
    """A text made of a text."""

    before: Source
    data: bytes
    remarks: Sequence[str] = ()

    @property
    def changed(self) -> bool:
        """Whether any byte differs."""
        return self.before.data != self.data

    def difference(self) -> str:
        """Return the change as a unified diff, "" for none."""
        return difference(self.before, Source(self.before.path, self.data))

    def show(self) -> None:
        """Write the text to standard output, byte for byte."""
        sys.stdout.flush()
        sys.stdout.buffer.write(self.data)
        sys.stdout.buffer.flush()

    def write(self, target: str, *, in_place: bool, overwrite: bool) -> None:
        """Write the text whole; a file that would not change is not touched."""
        if in_place and not self.changed:
            return
        check_target(self.before.path, target, in_place=in_place, overwrite=overwrite)
        for lost in replace_file(target, self.data):
            warn(f"{target}: not kept: {lost}")


class BinaryResult(NamedTuple):
    """Weights or another binary file made of one; `writer` gets target, in_place, overwrite."""

    path: str
    changed: bool
    writer: Callable[[str, bool, bool], None]
    remarks: Sequence[str] = ()

    def difference(self) -> str:
        """Return a line that says that the files differ, "" if they do not."""
        return f"binary file {shown(self.path)} would change\n" if self.changed else ""

    def show(self) -> None:
        """Write the file to standard output, byte for byte."""
        with TemporaryDirectory(prefix="protolint-") as folder:
            made = os.path.join(folder, "result")
            self.writer(made, False, False)
            sys.stdout.flush()
            with open(made, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()

    def write(self, target: str, *, in_place: bool, overwrite: bool) -> None:
        """Write the file; one that would not change is not touched in place."""
        if in_place and not self.changed:
            return
        self.writer(target, in_place, overwrite)


_OPTIONS = (
    click.option(
        "-o",
        "--output",
        type=PathType(),
        metavar="FILE|DIR/|-",
        help="Where to write.  [-, of one text]",
    ),
    click.option("--in-place", is_flag=True, help="Replace the files themselves."),
    click.option("--force", is_flag=True, help="Replace other files that are there already."),
    click.option("--diff", is_flag=True, help="Show what would change; write nothing."),
    click.option("--check", is_flag=True, help="Name files that would change; write nothing."),
)


def result_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of every verb that writes; the command gets one argument, `manners`."""

    @wraps(command)
    def with_manners(
        *,
        output: str | None,
        in_place: bool,
        force: bool,
        diff: bool,
        check: bool,
        color: str,
        **others: Any,
    ) -> int:
        manners = Manners(
            output, in_place=in_place, force=force, diff=diff, check=check, colour=coloured(color)
        )
        return command(manners=manners, **others)

    for option in (colour_option, *reversed(_OPTIONS)):
        with_manners = option(with_manners)
    return with_manners


@dataclass(frozen=True)
class Manners:
    """Where results go: `output` is a file, a folder, or "-"; exit codes as in `each`."""

    output: str | None = None
    in_place: bool = False
    force: bool = False
    diff: bool = False
    check: bool = False
    colour: bool = False

    @property
    def only_shows(self) -> bool:
        """Whether nothing is written."""
        return self.diff or self.check

    def each(self, paths: Sequence[str], make: Callable[[str], Result]) -> int:
        """Make the result of each file and write or show it; return the exit code.

        0: done; 1: some file would change (`--check`); 2: a file could not be done, was named
        on standard error and left as it is. Raises UsageError for options that exclude each
        other, before any file is read.
        """
        targets = self.targets(paths)
        problems = Problems()
        changed = 0
        for path, target in zip(paths, targets, strict=True):
            try:
                result = make(path)
                self._finish(path, target, result)
            except ProtolintError as error:
                problems.report(error)
                continue
            changed += result.changed
        if self.in_place and not self.only_shows:
            warn(f"changed {changed} of {len(paths)} file{'s' if len(paths) > 1 else ''}")
        return problems.exit_code(FOUND if self.check and changed else OK)

    def require_target(self, path: str, paths: Sequence[str]) -> None:
        """Raise UsageError where the binary result of one of the files could not be written.

        Asked before a result that takes long is made.
        """
        target = self.targets(paths)[paths.index(path)]
        if self.only_shows:
            return
        if target != "-":
            check_target(path, target, in_place=self.in_place, overwrite=self.force)
        elif self.output is None:
            raise UsageError(f"{path}: is a binary file; say with -o where its result goes")

    def _finish(self, path: str, target: str, result: Result) -> None:
        if not self.only_shows:
            if target == "-":
                if isinstance(result, BinaryResult):
                    self.require_target(path, [path])
                result.show()
            else:
                with made_folder(folder_named(self.output)):
                    result.write(target, in_place=self.in_place, overwrite=self.force)
        elif self.diff:
            changed = result.difference()
            put(coloured_diff(changed) if self.colour else changed)
        elif result.changed:
            put(f"{shown(path)}: would change\n")
        for remark in result.remarks:
            warn(f"{path}: {remark}")

    def targets(self, paths: Sequence[str]) -> list[str]:
        """Return where the result of each file goes, "-" for standard output.

        Raises UsageError where options exclude each other or two results would be one file.
        """
        if self.in_place and self.output is not None:
            raise UsageError("--in-place and -o exclude each other")
        if self.in_place and "-" in paths:
            raise UsageError("standard input cannot be changed in place")
        if self.only_shows or self.in_place:
            return list(paths)
        output = self.output
        if output is not None and (output.endswith(("/", os.sep)) or os.path.isdir(output)):
            return self._in_folder(paths, output)
        if len(paths) > 1:
            raise UsageError(
                "several results: give --in-place, -o and a folder (DIR/), --diff or --check"
            )
        return [output or "-" for _ in paths]

    def _in_folder(self, paths: Sequence[str], folder: str) -> list[str]:
        if "-" in paths:
            raise UsageError("standard input has no name to keep in a folder; name a file")
        targets = [os.path.join(folder, os.path.basename(path)) for path in paths]
        if len(set(targets)) != len(targets):
            raise UsageError(f"-o {folder}: two of the files have the same name")
        return targets


def difference(before: Source, after: Source) -> str:
    """Return the change from one text to another as a unified diff, "" for none."""
    if before.data == after.data:
        return ""
    old, new = (_lines(source.data.decode("utf-8", "replace")) for source in (before, after))
    return "".join(map(_seen, unified_diff(old, new, shown(before.path))))


def _lines(text: str) -> list[str]:
    """Return the lines with their ends: a line feed alone ends one, as diffs have it."""
    *lines, rest = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([rest] if rest else [])]


def _seen(line: str) -> str:
    """Return a line of a diff as it is if it can be seen, with the end that diffs give it."""
    text = line.rstrip("\r\n")
    if not text.replace("\t", "").isprintable():
        text = shown(text)
    ending = line[len(line.rstrip("\r\n")) :]
    return text + ending if line.endswith("\n") else f"{text}\n\\ No newline at end of file\n"
