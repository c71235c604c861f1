"""Options of the verbs that prove a result by running nets before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from protolint.cli.options import PathType
from protolint.conversion.prove.ways import AUTO, WAYS

__all__ = ["proof_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def proof_options(command: _Command) -> _Command:
    """Add --prove and --data."""
    data = click.option(
        "--data",
        type=PathType(),
        metavar="FILE",
        help="Run both on this .npy or .npz, as in `run`.",
    )
    return click.option(
        "--prove",
        type=click.Choice(WAYS),
        default=AUTO,
        metavar="WAY",
        help="Run both nets: auto, run or none.  [auto]",
    )(data(command))
