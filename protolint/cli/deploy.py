"""protolint deploy: a model as every importer reads it."""

from __future__ import annotations

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import InputShapeType, PathType, TargetType
from protolint.cli.problems import put, warn
from protolint.cli.progress import progress_bar
from protolint.conversion.prove.ways import AUTO, WAYS
from protolint.deployment.importers import IMPORTERS, limits
from protolint.layers.shape import Shape
from protolint.shown import shown
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["command"]


@click.command(
    "deploy",
    epilog="Example: protolint deploy train_val.prototxt net.caffemodel -o deploy/",
)
@click.argument("net", type=PathType(), metavar="NET")
@click.argument("weights", type=PathType(), metavar="[WEIGHTS]", required=False)
@click.option(
    "-o", "--output", "folder", type=PathType(), metavar="DIR/", required=True,
    help="The folder to write to.",
)  # fmt: skip
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
@click.option(
    "--prove",
    type=click.Choice(WAYS),
    default=AUTO,
    metavar="WAY",
    help="Run both nets: auto, run or none.  [auto]",
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@common_options
def command(
    net: str,
    weights: str | None,
    folder: str,
    to: Dialect | None,
    target: Dialect | None,
    state: str | None,
    sizes: tuple[tuple[str, Shape], ...],
    drop_global_stats: bool,
    importer: str | None,
    fold: bool,
    source: str | None,
    bn_stat: str | None,
    prove: str,
    force: bool,
    choices: Choices,
) -> int:
    """Write a net and its weights as every importer reads them.

    One state, current layers, one Input layer with a size, no data, loss, accuracy and dropout
    layers; a loss becomes its prediction, a BatchNorm one of BVLC with its Scale, and the weights
    lose what the net no longer has. Comments and order of what stays are kept.

    Exit code: 0 written, 1 the proof failed, 2 wrong usage, unreadable or refused.
    """
    from protolint.deployment.run import Wishes, deploy

    chosen = () if target is None else (target,)
    wishes = Wishes(
        to=to,
        target=target,
        state=state,
        sizes=dict(sizes),
        drop_global_stats=drop_global_stats,
        fold=fold,
        source=source,
        bn_stat=bn_stat,
        prove=prove,
        force=force,
    )
    workspace = Workspace(choices._replace(targets=chosen))
    with progress_bar() as progress:
        done = deploy(workspace, net, weights, folder, wishes, progress)
    for remark in done.remarks:
        warn(remark)
    for limit in limits(importer, done.net) if importer is not None else ():
        warn(limit)
    for path in done.written:
        put(f"{shown(path)}\n")
    return 0
