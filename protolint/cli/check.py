"""protolint check: find what is wrong in prototxt files and in weights."""

from __future__ import annotations

from typing import Any

import click

from protolint.caffe.registry import DIALECTS
from protolint.cli.checking import CheckOptions, check
from protolint.cli.common import common_options, threshold_option
from protolint.cli.options import (
    CodesType,
    OutputType,
    PathType,
    TargetOrAutoType,
    colour_option,
    distinct,
    format_option,
    severities,
)
from protolint.report import FORMATS

__all__ = ["command"]


@click.command("check", epilog="Example: protolint check --target nvidia-0.15 train_val.prototxt")
@click.argument("paths", nargs=-1, type=PathType(), metavar="[PATHS]...")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=TargetOrAutoType(),
    help=f"{', '.join(DIALECTS)}.  [auto]",
)
@click.option(
    "--weights",
    multiple=True,
    type=PathType(),
    metavar="FILE",
    help="Check this net's weights, too (repeatable).",
)
@click.option("--select", type=CodesType(), help="Only these rules: codes, families, names.")
@click.option("--ignore", type=CodesType(), help="Not these rules.")
@click.option("--extend-select", type=CodesType(), help="These rules as well.")
@click.option("--fix", is_flag=True, help="Apply safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply (--fix) or show (--diff) all fixes.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@format_option(FORMATS, "--format")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=OutputType(),
    callback=distinct,
    help="Write a report to a file, too (repeatable).",
)
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option(
    "--fail-level",
    type=severities(),
    metavar="LEVEL",
    help="Exit 1 from error, warning or info on.  [warning]",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 even where something is found.")
@threshold_option("The limits at which rules on weights report.")
@common_options
@click.option("--fine-tune", is_flag=True, help="Training starts from loaded weights.")
@click.option("--stdin-filename", metavar="NAME", help="The name to show for '-'.")
@click.option(
    "--baseline", type=PathType(), metavar="FILE", help="Report only what is not in this baseline."
)
@click.option("--write-baseline", is_flag=True, help="Write what is found to the baseline.")
@click.option("--add-suppressions", metavar="REASON", help="Suppress what is found by comments.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out (repeatable).")
@click.option("--force-exclude", is_flag=True, help="Exclude files that are named, too.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked.")
@click.option("--explain-target", is_flag=True, help="Show what points to which Caffe.")
@click.option("--show-settings", is_flag=True, help="Show the settings for the first file.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes; 0 chooses.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only: no summary, no remarks.")
@colour_option
def command(**options: Any) -> int:
    """Check prototxt files, *.prototxt below folders ('-': stdin), and weights.

    Exit code: 0 nothing found, 1 findings, 2 wrong usage or unreadable file.
    """
    return check(CheckOptions(**options))
