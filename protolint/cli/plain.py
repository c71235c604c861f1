"""The everyday command line of check, read without click, whose import takes longer than a check.

Only what click would read in the same way is read here, as tests/cli/test_plain.py shows;
everything else (help, rarer options, mistakes) is left to click.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import AUTO, resolve_target
from protolint.cli.checking import CheckOptions
from protolint.report import FORMATS
from protolint.workspace.workspace import Choices

__all__ = ["plain_options"]

#: Options without a value, by what they set.
_FLAGS = {
    "--exit-zero": "exit_zero", "--fine-tune": "fine_tune", "--force-exclude": "force_exclude",
    "--quiet": "quiet", "-q": "quiet", "--statistics": "statistics",
}  # fmt: skip
_CHOICES = {"--isolated": "isolated", "--without-cudnn": "without_cudnn"}


def plain_options(arguments: Sequence[str]) -> CheckOptions | None:
    """Return the options behind the word `check`, or None where click has to read them."""
    # On Windows click expands patterns; with the variable a shell asks what could follow.
    if os.name == "nt" or "_PROTOLINT_COMPLETE" in os.environ:
        return None
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
