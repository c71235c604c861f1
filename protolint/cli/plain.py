"""The everyday lines of check and convert, read without click, whose import is longer than a check.

Only what click would read in the same way is read here, as tests/cli/test_plain.py shows;
everything else (help, rarer options, mistakes) is left to click.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import AUTO, resolve_target
from protolint.workspace.workspace import Choices

if TYPE_CHECKING:
    from protolint.cli.checking import CheckOptions

__all__ = ["plain_conversion", "plain_options"]

#: Options of check without a value, by what they set.
_FLAGS = {
    "--exit-zero": "exit_zero", "--fine-tune": "fine_tune", "--force-exclude": "force_exclude",
    "--quiet": "quiet", "-q": "quiet", "--statistics": "statistics",
}  # fmt: skip
#: Those of both.
_CHOICES = {"--isolated": "isolated", "--without-cudnn": "without_cudnn"}
#: Options of convert, without a value and with one.
_CONVERSION_FLAGS = {
    "--dry-run": "dry_run", "--fold": "fold", "--force": "force", "--half": "half",
    "--in-place": "in_place", "--resume": "resume",
}  # fmt: skip
_CONVERSION_VALUES = {"--from": "source", "--like": "like", "--output": "output", "-o": "output"}


def plain_options(arguments: Sequence[str]) -> CheckOptions | None:
    """Return the options behind the word `check`, or None where click has to read them."""
    from protolint.cli.checking import CheckOptions
    from protolint.report import FORMATS

    targets: list[Dialect | None] = []

    def take(fields: dict[str, Any], name: str, value: str) -> bool:
        if name == "--output-format" and value in FORMATS:
            fields["form"] = value
        elif name == "--target" and (dialect := resolve_target(value)) is not None:
            targets.append(dialect)
        elif name == "--target" and value.strip().lower() == AUTO:
            targets.append(None)
        elif name == "--jobs" and len(value) < 4 and value.isascii() and value.isdecimal():
            fields["jobs"] = int(value)
        else:
            return False
        return True

    fields = _read(arguments, _FLAGS, take)
    return None if fields is None else CheckOptions(targets=tuple(targets), **fields)


def plain_conversion(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return what protolint.cli.converting takes, by the words behind `convert`.

    None where click has to read them.
    """

    def take(fields: dict[str, Any], name: str, value: str) -> bool:
        if name == "--to" and (dialect := resolve_target(value)) is not None:
            fields["to"] = dialect
        elif name in _CONVERSION_VALUES and value:
            fields[_CONVERSION_VALUES[name]] = value
        else:
            return False
        return True

    fields = _read(arguments, _CONVERSION_FLAGS, take)
    return None if fields is None or not fields["paths"] or "to" not in fields else fields


def _read(
    arguments: Sequence[str],
    flags: Mapping[str, str],
    take: Callable[[dict[str, Any], str, str], bool],
) -> dict[str, Any] | None:
    """Return paths, choices and what the options of a verb set, or None where click has to read.

    `take` puts an option with a value among them, or says that it cannot.
    """
    # On Windows click expands patterns; with the variable a shell asks what could follow.
    if os.name == "nt" or "_PROTOLINT_COMPLETE" in os.environ:
        return None
    paths: list[str] = []
    fields: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument[:1] != "-" or argument == "-":
            paths.append(argument)
        elif argument in flags:
            fields[flags[argument]] = True
        elif argument in _CHOICES:
            choices[_CHOICES[argument]] = True
        else:
            name, equals, value = argument.partition("=")
            # Behind a short option the sign is a part of the value.
            if equals and name[:2] != "--":
                return None
            if not take(fields, name, value if equals else next(rest, "")):
                return None
    return {"paths": tuple(paths), "choices": Choices(**choices), **fields}
