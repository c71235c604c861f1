"""protolint deploy: a model as every importer reads it."""

from __future__ import annotations

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import InputShapeType, PathType, TargetType, proof_options
from protolint.cli.results import Manners, TextResult, result_options
from protolint.cli.terminal import progress_bar, put, warn
from protolint.conversion.prove.ways import RUN, require_runnable
from protolint.deployment.importers import IMPORTERS, limits
from protolint.errors import OK, UsageError
from protolint.layers.shape import Shape
from protolint.shown import shown
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["command"]


@click.command(
    "deploy",
    epilog="Example: protolint deploy train_val.prototxt net.caffemodel -o deploy/",
)
@click.argument("paths", nargs=-1, required=True, type=PathType(), metavar="FILES...")
@click.option("--to", type=TargetType(), help="The Caffe whose form is written.  [bvlc]")
@click.option("--target", type=TargetType(), help="The Caffe that the net is for.")
@click.option("--state", metavar="STATE", help="A phase or a stage.  [the stage deploy, or TEST]")
@click.option(
    "--input-shape",
    "sizes",
    type=InputShapeType(),
    multiple=True,
    help="The size of an input, as in data=1,3,224,224 (repeatable).",
)
@click.option(
    "--drop-global-stats",
    is_flag=True,
    help="Use stored statistics where the net says to use the batch's.",
)
@click.option(
    "--drop-field",
    "drop_fields",
    multiple=True,
    metavar="FIELD",
    help="Without this field if it is unknown there.",
)
@click.option(
    "--for",
    "importer",
    type=click.Choice(sorted(IMPORTERS)),
    help="Name what this importer cannot read.",
)
@click.option("--fold", is_flag=True, help="Fold BatchNorm and Scale layers into the layers above.")
@click.option("--from", "source", metavar="WRITER", help="Who wrote the weights, if not certain.")
@click.option(
    "--bn-stat",
    type=click.Choice(["variance", "inv-std", "second-moment"]),
    metavar="STAT",
    help="variance, inv-std or second-moment, if uncertain.",
)
@proof_options
@result_options
@common_options
def command(
    paths: tuple[str, ...],
    to: Dialect | None,
    target: Dialect | None,
    state: str | None,
    sizes: tuple[tuple[str, Shape], ...],
    drop_global_stats: bool,
    drop_fields: tuple[str, ...],
    importer: str | None,
    fold: bool,
    source: str | None,
    bn_stat: str | None,
    prove: str,
    data: str | None,
    manners: Manners,
    choices: Choices,
) -> int:
    """Write a net and its weights, or nets alone, as every importer reads them.

    One state, current layers, one Input layer with a size, no data, loss, accuracy and dropout
    layers; a loss becomes its prediction, a BatchNorm one of BVLC with its Scale, and the weights
    lose what the net no longer has. Comments and order of what stays are kept. A caffemodel alone
    gives the net that it carries; weights go to a folder (-o DIR/).

    Exit code: 0 written, 1 the proof failed or files would change (--check), 2 wrong usage,
    unreadable or refused.
    """
    require_runnable(data, prove)
    from protolint.deployment.run import Wishes, deploy_files, planned, sorted_files

    wishes = Wishes(
        to=to,
        target=target,
        state=state,
        sizes=dict(sizes),
        drop_global_stats=drop_global_stats,
        drop_fields=drop_fields,
        fold=fold,
        source=source,
        bn_stat=bn_stat,
        force=manners.force,
        prove=prove if data is None else RUN,
        data=data,
        importer=importer,
    )
    workspace = Workspace(choices._replace(targets=() if target is None else (target,)))
    nets, models = sorted_files(paths)
    if models and (len(models) > 1 or len(nets) > 1):
        raise UsageError("weights go with one net; deploy the others by themselves")
    net, weights = (next(iter(found), None) for found in (nets, models))

    def made(path: str) -> TextResult:
        with planned(workspace, net if models else path, weights, wishes) as plan:
            known = limits(importer, plan.after) if importer is not None else ()
            return TextResult(plan.source, plan.text, (*plan.remarks, *known))

    if not models or manners.only_shows:
        return manners.each(nets or models, made)
    if not manners.in_place and manners.output in (None, "-"):
        raise UsageError("weights are written to a folder: -o DIR/, or --in-place")
    manners.targets(paths[:1])
    folder = None if manners.in_place else manners.output
    with progress_bar() as progress:
        done = deploy_files(workspace, net, weights, folder, wishes, progress)
    for line in (*done.remarks, *done.limits):
        warn(line)
    for written in done.written:
        put(f"{shown(written)}\n")
    return OK
