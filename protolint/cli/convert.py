"""protolint convert: move a net, its weights and its solver state to another Caffe."""

from __future__ import annotations

from typing import Any

import click

from protolint.cli.common import common_options
from protolint.cli.converting import convert
from protolint.cli.options import TargetType, colour_option, format_option, proof_options
from protolint.conversion.prove.ways import TOLERANCE

__all__ = ["command"]


@click.command(
    "convert",
    epilog="Example: protolint convert --to nvidia-0.17 deploy.prototxt net.caffemodel -o out/",
)
@click.argument("paths", nargs=-1, required=True, metavar="FILES...")
@click.option("--to", type=TargetType(), required=True, help="The Caffe to convert for.")
@click.option(
    "--engine",
    type=click.Choice(["caffe", "cudnn"], case_sensitive=False),
    metavar="ENGINE",
    help="NVIDIA: caffe or cudnn.  [as in the net, or cudnn]",
)
@click.option("--from", "source", metavar="WRITER", help="Who wrote the weights, if not certain.")
@click.option(
    "--bn-stat",
    type=click.Choice(["variance", "inv-std", "second-moment"]),
    metavar="STAT",
    help="variance, inv-std or second-moment, if uncertain.",
)
@click.option("--like", metavar="NET", help="Fit weights to this net: names, structure, shapes.")
@click.option("--resume", is_flag=True, help="Give BVLC statistics the factor of a long run.")
@click.option("--half", is_flag=True, help="Keep half precision where the target has it.")
@click.option("--fold", is_flag=True, help="Fold BatchNorm and Scale into the layers above.")
@click.option(
    "--scale-name",
    default="{bn}_scale",
    metavar="NAME",
    help="The name of a new Scale layer.  [{bn}_scale]",
)
@click.option("--keep-scale", is_flag=True, help="Merge no Scale layer into a BatchNorm.")
@click.option(
    "--scale-as",
    type=click.Choice(["scale", "convolution"]),
    default="scale",
    metavar="TYPE",
    help="convolution, where the target has no Scale layer.",
)
@click.option(
    "--drop-global-stats", is_flag=True, help="Without use_global_stats if it is ignored there."
)
@click.option(
    "--drop-field",
    "drop_fields",
    multiple=True,
    metavar="FIELD",
    help="Without this field if it is unknown there.",
)
@click.option(
    "-o", "--output", metavar="FILE|DIR/|-", help="Where to write.  [NAME.<dialect>.<ext>]"
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.option("--in-place", is_flag=True, help="Replace the inputs themselves.")
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option(
    "--verify-with",
    multiple=True,
    type=click.Choice(["opencv", "caffe"]),
    metavar="PROGRAM",
    help="Run both nets, too: opencv or caffe (repeatable).",
)
@proof_options
@click.option(
    "--tolerance",
    type=float,
    default=TOLERANCE,
    metavar="REL",
    help=f"The largest difference allowed.  [{TOLERANCE:g}]",
)
@common_options
@colour_option
@format_option(["text", "json"], "--report")
def command(paths: tuple[str, ...], **asked: Any) -> int:
    """Convert files of one model: prototxt, solver, caffemodel, solverstate.

    Content shows what a file is. Each result is proven before it has its name.

    Exit code: 0 converted, 1 the proof failed, 2 wrong usage or refused.
    """
    return convert(paths, **asked)
