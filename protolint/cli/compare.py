"""protolint compare: two nets, layer by layer on the same data, or by what a change does."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT
from protolint.cli.common import common_options
from protolint.cli.options import PathType, TargetType, format_option
from protolint.cli.terminal import put, warn
from protolint.errors import FOUND, OK, UsageError
from protolint.net.net import Net
from protolint.shown import json_text, shown
from protolint.source import Source
from protolint.words import counted
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.comparison.consequence import Changes
    from protolint.comparison.models import Comparison, Row

__all__ = ["command"]

#: Rows above and below the first layer that differs.
_AROUND = 3
#: How many nets and weight files can be given.
_GIVEN = frozenset(((2, 0), (2, 1), (2, 2), (1, 2), (1, 1), (0, 2)))
#: How many changes of one consequence are listed.
_LISTED = 20


@click.command(
    "compare",
    epilog="Example: protolint compare old.prototxt old.caffemodel new.prototxt new.caffemodel",
)
@click.argument("paths", nargs=-1, required=True, type=PathType(), metavar="FILES...")
@click.option(
    "--target",
    "targets",
    type=TargetType(),
    multiple=True,
    help="The Caffe that runs them; given twice: of the first, of the second.",
)
@click.option(
    "--data", type=PathType(), metavar="FILE", help=".npy of the one input, .npz by blobs' names."
)
@click.option(
    "--state", default="TEST", metavar="STATE", help="TRAIN, TEST, perhaps with stages.  [TEST]"
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    metavar="N",
    help="Largest relative difference of a layer that counts as rounding.  [1e-5]",
)
@click.option("--all", "everything", is_flag=True, help="Show every layer, or every change.")
@format_option(["table", "json"], "--format")
@common_options
def command(
    paths: tuple[str, ...],
    targets: tuple[Dialect, ...],
    data: str | None,
    state: str,
    tolerance: float | None,
    everything: bool,
    form: str,
    choices: Choices,
) -> int:
    """Compare two nets: equal within rounding, or the first layer that differs.

    FILES are two nets, each with its weights behind it; one weight file is for both, and one
    net with two weight files is compared with itself. A caffemodel without a prototxt is taken
    with the net inside it. Layers are matched across Caffes, layouts and names. Without weights
    and data nothing is run: what changed in the text is shown by what it does to old weights,
    output and training.

    Exit code: 0 equal, 1 they differ, 2 they cannot be compared.
    """
    from protolint.batchnorm.fit import require_fit
    from protolint.comparison.consequence import compare_nets
    from protolint.comparison.models import TOLERANCE, compare_models
    from protolint.comparison.run import model_of
    from protolint.execution.executor import Executor
    from protolint.execution.run import inputs_of

    if len(targets) > 2:
        raise UsageError("--target: a Caffe, or one for each net")
    nets, weights = _sides(paths, targets, choices)
    if weights is None and data is None:
        changes = compare_nets(nets[0], nets[1])
        put(_json(_changes(changes)) if form == "json" else _list(changes, everything=everything))
        return OK if changes.equal else FOUND
    files = weights or (None, None)
    pairs = list(zip(nets, files, strict=True))
    for net, file in pairs:
        for remark in require_fit(net, file) if file is not None else ():
            warn(f"{file}: {remark}")
    models = [model_of(net, file, state) for net, file in pairs]
    given = inputs_of(Executor(*models[0]), data)
    limit = TOLERANCE if tolerance is None else tolerance
    found = compare_models(models[0], models[1], given, tolerance=limit)
    if form == "json":
        put(_json(_document(found)))
    else:
        put(_table(found, everything=everything))
    return OK if found.equal else FOUND


def _sides(
    paths: tuple[str, ...], targets: tuple[Dialect, ...], choices: Choices
) -> tuple[list[Net], tuple[str, str] | None]:
    """Return the two nets, and the weights of each, if any are given; raises UsageError."""
    from protolint.weights.kinds import recognise

    texts: list[str] = []
    models: list[str] = []
    for path in paths:
        kind = recognise(path).kind
        (models if kind is not None and kind.is_model else texts).append(path)
    given = len(texts), len(models)
    if given not in _GIVEN:
        raise UsageError(
            f"{counted(len(texts), 'net')} and {counted(len(models), 'weight file')}: give two"
            " nets, with weights for both, for each or for none; one net with two weight files; or"
            " caffemodels in place of nets"
        )
    # A net and one caffemodel: the other net is inside it. Two caffemodels: both are.
    sides = {(1, 1): paths, (0, 2): paths, (1, 2): texts * 2}.get(given, texts)
    chosen: list[tuple[Dialect, ...]] = [(one,) for one in targets] or [()]
    nets = []
    for i, path in enumerate(sides):
        asked = choices._replace(targets=chosen[min(i, len(chosen) - 1)])
        nets.append(_net_inside(path, asked) if path in models else Workspace(asked).net(path))
    if not models:
        return nets, None
    return nets, (models[0], models[-1])


def _net_inside(path: str, choices: Choices) -> Net:
    """Return the net that a caffemodel carries, as the Caffe that is asked for builds it.

    If none is asked for, that is its writer where the file shows one, else as in `check`.
    """
    from protolint.conversion.numbers.embedded_net import carrier
    from protolint.deployment.sources import carried_net

    index, writer = carrier(path)
    asked = choices.targets or (() if writer == DEFAULT else (writer,))
    source, lost = carried_net(path, index, next(iter(asked), writer))
    for remark in lost:
        warn(f"{path}: {remark}")
    inside = Source(path, source.data)
    return Workspace(choices._replace(targets=asked)).net(inside)


def _table(found: Comparison, *, everything: bool) -> str:
    """Return the rows about the first difference, or all, and the verdict."""
    from protolint.report.table import Column, draw, room

    rows = found.rows
    at = next((i for i, row in enumerate(rows) if _is_first(found, row)), None)
    if everything:
        chosen = list(rows)
    elif at is None:
        chosen = [] if found.equal else list(rows[-_AROUND:])
    else:
        chosen = list(rows[max(0, at - _AROUND) : at + _AROUND + 1])
    columns = [
        Column("layer"), Column("type"), Column("in the second"), Column("shape"),
        Column("relative", right=True), Column("absolute", right=True), Column(""),
    ]  # fmt: skip
    text = draw(columns, [_cells(row) for row in chosen], room()) + "\n" if chosen else ""
    for side, names in zip(("first", "second"), found.alone, strict=True):
        if names and (everything or not found.equal):
            listed = ", ".join(f"'{name}'" for name in names)
            text += f"only in the {side} net: {shown(listed)}\n"
    if found.note:
        text += f"not run to the end: {shown(found.note)}\n"
    return f"{text}{shown(str(found))}\n"


def _is_first(found: Comparison, row: Row) -> bool:
    return found.difference is not None and row == found.difference.row


def _cells(row: Row) -> list[str]:
    gap, second = row.gap, row.second
    other = second.name if second.name != row.first.name else ""
    if second.type != row.first.type:
        other = f"{second.name} ({second.type})"
    shapes = ["x".join(map(str, shape)) or "scalar" for shape in (gap.first, gap.second)]
    shape = shapes[0] if gap.same_shape else " / ".join(shapes)
    merged = f"with {', '.join(row.merged)}" if row.merged else ""
    return [
        row.first.name, row.first.type, other, shape, _number(gap.relative),
        _number(gap.absolute), " ".join(filter(None, ["" if row.equal else "differs", merged])),
    ]  # fmt: skip


def _number(value: float) -> str:
    return "-" if math.isinf(value) else f"{value:.1e}" if value else "0"


def _list(found: Changes, *, everything: bool) -> str:
    """Return a line for each change, or the first of each consequence, and the verdict."""
    lines = []
    for consequence, group in groupby(found.changes, lambda change: change.consequence):
        changes = list(group)
        lines.append(f"{consequence.words}:")
        for change in changes if everything else changes[:_LISTED]:
            where = f"'{change.layer}': " if change.layer else ""
            lines.append(f"  {where}{change.what}")
        if len(changes) > _LISTED and not everything:
            lines.append(f"  and {len(changes) - _LISTED} more; --all shows them")
    return "".join(f"{shown(line)}\n" for line in [*lines, str(found)])


def _changes(found: Changes) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "equal": found.equal,
        "consequence": found.consequence.name.lower(),
        "changes": [
            {"layer": c.layer, "what": c.what, "consequence": c.consequence.name.lower()}
            for c in found.changes
        ],
    }


def _document(found: Comparison) -> dict[str, Any]:
    """Return the comparison for programs; null for what is infinite."""
    return {
        "schema_version": 1,
        "equal": found.equal,
        "first": found.first,
        "only_in": None if found.difference is None else found.difference.net,
        "verdict": str(found),
        "alone": [list(names) for names in found.alone],
        "layers": [
            {
                "first": row.first.name,
                "second": row.second.name,
                "equal": row.equal,
                "shapes": [list(row.gap.first), list(row.gap.second)],
                "relative": _finite(row.gap.relative),
                "absolute": _finite(row.gap.absolute),
                "merged": list(row.merged),
            }
            for row in found.rows
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _json(document: dict[str, Any]) -> str:
    return json_text(document) + "\n"
