"""protolint run: a net run in NumPy, as its Caffe would."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import PathType, TargetType
from protolint.cli.terminal import progress_bar, put, warn
from protolint.errors import OK, InputError, UsageError
from protolint.files import check_target
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.execution.executor import Executor

__all__ = ["command"]


@click.command("run", epilog="Example: protolint run deploy.prototxt net.caffemodel --data x.npy")
@click.argument("net", type=PathType(), metavar="NET")
@click.argument("weights", type=PathType(), metavar="[WEIGHTS]", required=False)
@click.option("--target", type=TargetType(), help="The Caffe that runs it: bvlc, nvidia-0.17, ...")
@click.option(
    "--data", type=PathType(), metavar="FILE", help=".npy of the one input, .npz by blobs' names."
)
@click.option(
    "--state", default="TEST", metavar="STATE", help="TRAIN, TEST, perhaps with stages.  [TEST]"
)
@click.option(
    "--iterations",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Passes over the same data.  [1]",
)
@click.option("--blob", "names", multiple=True, metavar="NAME", help="This blob (repeatable).")
@click.option("-o", "--output", type=PathType(), metavar="NPZ", help="Write all blobs there.")
@click.option(
    "--snapshot", type=PathType(), metavar="FILE", help="Write the weights after the last pass."
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@common_options
def command(
    net: str,
    weights: str | None,
    target: Dialect | None,
    data: str | None,
    state: str,
    iterations: int,
    names: tuple[str, ...],
    output: str | None,
    snapshot: str | None,
    force: bool,
    choices: Choices,
) -> int:
    """Run a net in NumPy and show its outputs: every layer as its Caffe computes it.

    Without --data the inputs are random, the same each time. The file of -o has every blob, or
    those of --blob, under its own name ('-': standard output).
    """
    from protolint.batchnorm.fit import require_fit
    from protolint.execution.run import execute, executor_of, inputs_of, npz, outputs
    from protolint.execution.weights import save_weights

    given = [path for path in (net, weights, data) if path is not None]
    results = [path for path in (output, snapshot) if path is not None and path != "-"]
    _check_outputs(given, results, force=force)
    if snapshot is not None and weights is None:
        raise UsageError("--snapshot needs WEIGHTS, of which it is a copy")
    chosen = () if target is None else (target,)
    workspace = Workspace(choices._replace(targets=chosen))
    read = workspace.net(net)
    for remark in require_fit(read, weights) if weights is not None else ():
        warn(f"{weights}: {remark}")
    executor = executor_of(read, weights, state)
    _check_blobs(executor, names)
    with progress_bar(least=1) as progress:
        blobs = execute(executor, inputs_of(executor, data), iterations, progress)
    if snapshot is not None and weights is not None:
        save_weights(weights, executor.parameters, snapshot)
    if output is not None:
        _write(npz(blobs, names or blobs), output)
    table = _table(executor, names or outputs(executor))
    put(table, err=output == "-")
    return OK


def _check_outputs(paths: list[str], outputs: list[str], *, force: bool) -> None:
    """Raise UsageError where a result would replace an input, another result or another file."""
    taken = {os.path.realpath(path) for path in paths}
    for output in outputs:
        real = os.path.realpath(output)
        if real in taken:
            raise UsageError(f"{output}: is used already; give the result a name of its own")
        taken.add(real)
        if not os.path.isdir(output):
            check_target(None, output, in_place=False, overwrite=force)


def _check_blobs(executor: Executor, names: tuple[str, ...]) -> None:
    """Raise UsageError for a blob that the net does not have in its state."""
    from protolint.suggest import did_you_mean

    known = [*executor.inputs, *(t.name for layer in executor.view.layers for t in layer.tops)]
    for name in names:
        if name not in known:
            state = executor.view.state
            raise UsageError(f"the net has no blob '{name}' in {state}{did_you_mean(name, known)}")


def _table(executor: Executor, names: list[str] | tuple[str, ...]) -> str:
    """Return a row for each blob: name, shape, the least, the mean and the largest value."""
    from protolint.report.table import Column, draw, room

    columns = [Column("blob"), Column("shape"), *(Column(n, right=True) for n in _NUMBERS)]
    rows = []
    for name in names:
        values = executor.blobs[name]
        shape = "x".join(map(str, values.shape)) or "scalar"
        found = (values.min(), values.mean(dtype=float), values.max()) if values.size else ()
        rows.append([name, shape, *(f"{number:.6g}" for number in found or [float("nan")] * 3)])
    return draw(columns, rows, room()) if rows else "no blob is left unread\n"


_NUMBERS = ("min", "mean", "max")


def _write(data: bytes, output: str) -> None:
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    from protolint.files import replace_file

    if os.path.isdir(output):
        raise InputError(output, "is a folder; name a file in it")
    replace_file(output, data)
