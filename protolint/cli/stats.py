"""protolint stats: the numbers of every BatchNorm in weights, and how snapshots differ."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options, threshold_option
from protolint.cli.options import PathType, TargetType, colour_option, format_option
from protolint.cli.terminal import coloured, progress_bar, put
from protolint.errors import FOUND, OK, InputError, UsageError
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.stats.model import StatsReport

__all__ = ["command"]

_SORTS = ("net", "name", "variance", "gain", "eps", "dead", "drift")


@click.command("stats", epilog="Example: protolint stats --sort variance net_iter_*.caffemodel")
@click.argument("paths", nargs=-1, required=True, type=PathType(), metavar="FILE...")
@click.option("--net", type=PathType(), metavar="PROTOTXT", help="The net: its eps and Scales.")
@click.option("--target", type=TargetType(), help="The Caffe that runs the net: bvlc, ...")
@click.option("--from", "source", metavar="WRITER", help="Who wrote the weights, if not certain.")
@click.option(
    "--bn-stat",
    type=click.Choice(["variance", "inv-std", "second-moment"]),
    metavar="STATISTIC",
    help="variance, inv-std or second-moment, if not certain.",
)
@click.option(
    "--eps",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-5,
    metavar="EPS",
    help="eps of PyTorch layers, which no file has.  [1e-5]",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="PATTERN",
    help="Only layers like 'layer4.*' (repeatable).",
)
@click.option(
    "--sort",
    type=click.Choice(_SORTS),
    default=_SORTS[0],
    metavar="KEY",
    help=f"{', '.join(_SORTS)}.  [{_SORTS[0]}]",
)
@click.option("--each", is_flag=True, help="Of several files, show the layers of each, too.")
@format_option(["table", "json", "csv"], "--format")
@click.option("-o", "--output", type=PathType(), metavar="FILE", help="Write there, not to stdout.")
@click.option("--plot", type=PathType(), metavar="FILE", help="Draw a picture: .png or .svg.")
@click.option("--html", type=PathType(), metavar="FILE", help="Write a report to open offline.")
@click.option("--data", type=PathType(), metavar="NPY", help="Run the net on this batch.")
@click.option(
    "--with",
    "runner",
    type=click.Choice(["numpy", "opencv", "caffe"]),
    default="numpy",
    metavar="PROGRAM",
    help="What runs it: numpy, opencv, caffe.  [numpy]",
)
@threshold_option("The limits at which findings are reported.")
@common_options
@click.option("--exit-code", is_flag=True, help="Exit 1 where something is found.")
@colour_option
def command(
    paths: tuple[str, ...],
    net: str | None,
    target: Dialect | None,
    source: str | None,
    bn_stat: str | None,
    eps: float,
    layers: tuple[str, ...],
    sort: str,
    each: bool,
    form: str,
    output: str | None,
    plot: str | None,
    html: str | None,
    data: str | None,
    runner: str,
    thresholds: tuple[tuple[str, float], ...],
    exit_code: bool,
    color: str,
    choices: Choices,
) -> int:
    """Show what weights say of every BatchNorm (caffemodel, PyTorch, safetensors).

    Several files are snapshots of one net, compared in the order of their iterations.

    Exit code: 0 (1 with --exit-code and findings), 2 wrong usage or unreadable file.
    """
    from protolint.batchnorm.state import Statistic
    from protolint.stats.run import Options, collect

    output = None if output == "-" else output
    workspace = Workspace(choices._replace(thresholds=thresholds))
    read = (*paths, *filter(None, (net, data, workspace.settings(paths[0]).path)))
    _check_outputs(read, [path for path in (output, plot, html) if path is not None])
    if plot is not None:
        from protolint.stats.plot import check_plot

        check_plot(plot)
    options = Options(
        net=net,
        target=target,
        source=source,
        statistic=Statistic(bn_stat) if bn_stat is not None else None,
        eps=eps,
        layers=layers,
        workspace=workspace,
        data=data,
        runner=runner,
    )
    with progress_bar() as progress:
        report = collect(paths, options, progress)
    if plot is not None:
        from protolint.stats.plot import write_plot

        write_plot(report, plot)
    if html is not None:
        from protolint.stats.html import write_html

        write_html(report, html)
    _write(_text(report, form, sort, each=each, color=color, output=output), output)
    unread = any(numbers.problem for snapshot in report.snapshots for numbers in snapshot.layers)
    return FOUND if exit_code and (report.findings or unread) else OK


def _check_outputs(paths: tuple[str, ...], outputs: list[str]) -> None:
    """Raise UsageError where a result would replace an input or another result."""
    taken = {os.path.realpath(path) for path in paths}
    for output in outputs:
        real = os.path.realpath(output)
        if real in taken:
            raise UsageError(f"{output}: is used already; give the result a name of its own")
        taken.add(real)


def _text(
    report: StatsReport, form: str, sort: str, *, each: bool, color: str, output: str | None
) -> str:
    if form == "json":
        from protolint.stats.document import as_json

        return as_json(report, sort)
    if form == "csv":
        from protolint.stats.document import as_csv

        return as_csv(report, sort)
    from protolint.report.table import room
    from protolint.stats.table import render

    colour = coloured(color) if output is None else color == "always"
    limit = room() if output is None else None
    return render(report, colour=colour, limit=limit, sort=sort, each=each)


def _write(text: str, output: str | None) -> None:
    if output is None:
        put(text)
        return
    from protolint.files import replace_file

    if os.path.isdir(output):
        raise InputError(output, "is a folder; name a file in it")
    replace_file(output, text.encode("utf-8", "backslashreplace"))
