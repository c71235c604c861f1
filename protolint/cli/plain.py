"""The everyday lines of check and convert, read without click, whose import is longer than a check.

Only what click would read in the same way is read here, as tests/cli/test_plain.py shows;
everything else (help, rarer options, mistakes) is left to click.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    if _is_for_click():
        return None
    from protolint.cli.checking import CheckOptions
    from protolint.report import FORMATS

    paths: list[str] = []
    targets: list[Dialect | None] = []
    fields: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument[:1] != "-" or argument == "-":
            paths.append(argument)
        elif argument in _FLAGS:
            fields[_FLAGS[argument]] = True
        elif argument in _CHOICES:
            choices[_CHOICES[argument]] = True
        else:
            name, equals, value = argument.partition("=")
            value = value if equals else next(rest, "")
            if name == "--output-format" and value in FORMATS:
                fields["form"] = value
            elif name == "--target" and (dialect := resolve_target(value)) is not None:
                targets.append(dialect)
            elif name == "--target" and value.strip().lower() == AUTO:
                targets.append(None)
            elif name == "--jobs" and len(value) < 4 and value.isascii() and value.isdecimal():
                fields["jobs"] = int(value)
            else:
                return None
    return CheckOptions(tuple(paths), tuple(targets), choices=Choices(**choices), **fields)


def plain_conversion(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return what protolint.cli.converting takes, by the words behind `convert`.

    None where click has to read them.
    """
    if _is_for_click():
        return None
    paths: list[str] = []
    asked: dict[str, Any] = {}
    choices: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument[:1] != "-" or argument == "-":
            paths.append(argument)
        elif argument in _CONVERSION_FLAGS:
            asked[_CONVERSION_FLAGS[argument]] = True
        elif argument in _CHOICES:
            choices[_CHOICES[argument]] = True
        elif argument == "--to" and (dialect := resolve_target(next(rest, ""))) is not None:
            asked["to"] = dialect
        elif argument in _CONVERSION_VALUES and (value := next(rest, "")):
            asked[_CONVERSION_VALUES[argument]] = value
        else:
            return None
    if not paths or "to" not in asked:
        return None
    return {"paths": tuple(paths), "choices": Choices(**choices), **asked}


def _is_for_click() -> bool:
    """Whether click alone knows what a command line means.

    On Windows it expands patterns; with the variable a shell asks what could follow.
    """
    return os.name == "nt" or "_PROTOLINT_COMPLETE" in os.environ
