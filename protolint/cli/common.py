"""Options that every verb has: they say how files are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from protolint.cli.options import PathType, ThresholdType
from protolint.workspace.workspace import Choices

__all__ = ["common_options", "threshold_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--proto",
        type=PathType(),
        metavar="FILE",
        help="Your own fork's caffe.proto as the schema.",
    ),
    click.option("--without-cudnn", is_flag=True, help="The Caffe was built without cuDNN."),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
    click.option(
        "--config",
        type=PathType(),
        multiple=True,
        metavar="FILE|KEY=VALUE",
        help="This configuration; a key of it (repeatable).",
    ),
)


def common_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of every verb; the command gets them as one argument, `choices`."""

    @wraps(command)
    def with_choices(
        *,
        proto: str | None,
        without_cudnn: bool,
        isolated: bool,
        config: tuple[str, ...],
        **others: Any,
    ) -> int:
        choices = Choices(
            proto=proto, without_cudnn=without_cudnn, isolated=isolated, config=config
        )
        return command(choices=choices, **others)

    for option in reversed(_OPTIONS):
        with_choices = option(with_choices)
    return with_choices


def threshold_option(help: str) -> Callable[[_Command], _Command]:
    """Return the option of the verbs that judge numbers."""
    return click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        type=ThresholdType(),
        metavar="KEY=NUMBER",
        help=help,
    )
