"""protolint recalibrate: BatchNorm statistics estimated again from data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import PathType, TargetType
from protolint.cli.results import BinaryResult, Manners, result_options
from protolint.cli.terminal import progress_bar, put
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.recalibration.run import Recalibration

__all__ = ["command"]


@click.command(
    "recalibrate",
    epilog="Example: protolint recalibrate deploy.prototxt net.caffemodel --data batch.npy"
    " -o fixed.caffemodel",
)
@click.argument("net", type=PathType(), metavar="NET")
@click.argument("weights", nargs=-1, required=True, type=PathType(), metavar="WEIGHTS...")
@click.option("--target", type=TargetType(), help="The net's Caffe: bvlc, nvidia-0.17, ...")
@click.option(
    "--data",
    type=PathType(),
    metavar="FILE|DIR",
    required=True,
    help=".npy of the one input, .npz by blobs' names, or a folder of images.",
)
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this (repeatable).")
@click.option(
    "--transform",
    type=PathType(),
    metavar="NET",
    help="The net whose transform_param prepares images, if it is another.",
)
@click.option(
    "--batch", type=click.IntRange(1), metavar="N", help="Items at once; memory grows with it."
)
@click.option(
    "--least",
    type=click.IntRange(2),
    default=32,
    metavar="N",
    help="Values per channel that there have to be.  [32]",
)
@click.option(
    "--bn-stat",
    type=click.Choice(["variance", "inv-std"]),
    default="variance",
    help="What the weights hold; inv-std by cuDNN 4.  [variance]",
)
@result_options
@common_options
def command(
    net: str,
    weights: tuple[str, ...],
    target: Dialect | None,
    data: str,
    layers: tuple[str, ...],
    transform: str | None,
    batch: int | None,
    least: int,
    bn_stat: str,
    manners: Manners,
    choices: Choices,
) -> int:
    """Estimate the stored mean and variance of BatchNorms again, from data.

    In net order, each layer behind the repaired ones above it. Gamma, beta and all other layers
    stay as they are, byte for byte, and so do the layout and form of the file.
    """
    from protolint.batchnorm.fit import require_fit
    from protolint.batchnorm.state import Statistic
    from protolint.recalibration.run import plan_recalibration
    from protolint.recalibration.transform import transform_of

    workspace = Workspace(choices._replace(targets=() if target is None else (target,)))
    read = workspace.net(net)
    source = read if transform is None else workspace.net(transform)

    def make(path: str) -> BinaryResult:
        manners.require_target(path, weights)
        with progress_bar(least=1) as progress:
            found = plan_recalibration(
                read,
                path,
                data,
                layers=layers,
                transform=transform_of(source),
                batch=batch,
                least=least,
                statistic=Statistic(bn_stat),
                progress=progress,
            )
        put(_table(found), err=manners.output == "-")

        def write(to: str, in_place: bool, overwrite: bool) -> None:
            found.write(to, in_place=in_place, overwrite=overwrite)

        remarks = [*_remarks(found), *require_fit(read, path)]
        return BinaryResult(path, True, write, remarks)

    return manners.each(weights, make)


def _remarks(found: Recalibration) -> list[str]:
    still = [layer for layer in found.layers if layer.still]
    if not still:
        return []
    named = ", ".join(f"{layer.still} of '{layer.name}'" for layer in still[:3])
    more = f" and of {len(still) - 3} layers more" if len(still) > 3 else ""
    return [f"channels that do not vary in the data, so that their variance is 0: {named}{more}"]


def _table(found: Recalibration) -> str:
    """Return a row for each layer: values per channel, statistics before and after."""
    from protolint.recalibration.run import span
    from protolint.report.table import Column, draw, room

    heads = ("channels", "values", "mean", "", "variance", "", "factor")
    columns = [Column("layer"), *(Column(head, right=True) for head in heads)]
    columns[4], columns[6] = Column("mean after", right=True), Column("variance after", right=True)
    rows = []
    for layer in found.layers:
        factor = "" if layer.factor is None else f"{layer.factor[0]:.6g} → {layer.factor[1]:.6g}"
        spans = [span(v) for pair in (layer.mean, layer.variance) for v in pair]
        rows.append([layer.name, str(len(layer.mean[1])), str(layer.values), *spans, factor])
    return draw(columns, rows, room())
