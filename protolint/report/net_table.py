"""A net in one state as a table for people and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.folded_for_test import folded
from protolint.net.init import construction
from protolint.net.net import TRAIN, Net
from protolint.net.summary import BatchNormSummary, LayerSummary, NetSummary
from protolint.report.style import Style
from protolint.report.table import Column, draw
from protolint.shown import shown
from protolint.words import counted, listed, titled

__all__ = ["as_dict", "render"]

_COLUMNS = (
    Column("layer", wraps=True),
    Column("type", wraps=True),
    Column("bottoms -> tops", wraps=True),
    Column("shape", wraps=True),
    Column("params", right=True),
    Column("MACs", right=True),
    Column("lr_mult"),
    Column("notes", below=True),
)

_THOUSANDS = ("", "k", "M", "G", "T", "P")


def render(net: Net, summary: NetSummary, limit: int | None, style: Style | None = None) -> str:
    """Return the state, a row for each layer, and the totals."""
    style = style or Style(colour=False)
    name = shown(net.message.text("name"))
    rows = [
        ["(input)", "", f"-> {blob}", str(shape), "", "", "", ""]
        for blob, shape in summary.inputs.items()
    ]
    rows += [_row(net, summary, entry) for entry in summary.layers]
    table = draw(_COLUMNS, rows, limit) if rows else "no layers\n"
    head = f"{summary.state}: {name}" if name else str(summary.state)
    more = f"{_folded(net, summary)}{_end(net, summary)}"
    head_line, _, rows_below = table.partition("\n")
    table = f"{style.bold(head_line)}\n{rows_below}"
    return f"{style.bold(head)}\n\n{table}\n{_totals(summary)}\n{more}"


def _folded(net: Net, summary: NetSummary) -> str:
    """Return which layers the Caffe folds away while it builds the net; "" for none."""
    found = folded(net, net.view_in(summary.state))
    if not found:
        return ""
    names = [titled(layer.name, layer.type) for _, layers in found for layer in layers]
    into = titled(found[0][0].name) if len(found) == 1 else "the convolutions above"
    return f"{net.dialect.name} folds {shown(listed(names, 4))} into {shown(into)} for TEST\n"


def _end(net: Net, summary: NetSummary) -> str:
    """Return where construction ends, for a net that is not built in this state."""
    faults = construction(net, net.view_in(summary.state)).faults
    if not faults:
        return ""
    fault = faults[0]
    name = "" if fault.layer is None else f"{titled(fault.layer.name, fault.layer.type)}: "
    line = net.source.line_number(fault.span.start)
    return f"{net.dialect.name} does not build it: line {line}, {shown(name + fault.message)}\n"


def _row(net: Net, summary: NetSummary, entry: LayerSummary) -> list[str]:
    values = entry.values
    return [
        entry.layer.name or "(no name)",
        entry.layer.type or "?",
        _blobs(entry.layer),
        ", ".join(str(shape) for shape in entry.tops),
        "?" if values is None else f"{values:,}" if entry.parameters else "",
        "?" if entry.macs is None else _short(entry.macs) if entry.macs else "",
        " ".join(f"{parameter.lr_mult:g}" for parameter in entry.parameters or ()),
        "; ".join(_notes(net, summary, entry)),
    ]


def _short(count: int) -> str:
    """Return a large number in three digits: 999, 2.46M, 118M."""
    value, power = float(count), 0
    while value >= 999.5 and power < len(_THOUSANDS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g}{_THOUSANDS[power]}"


def _blobs(layer: Layer) -> str:
    bottoms, tops = ([blob.name for blob in blobs] for blobs in (layer.bottoms, layer.tops))
    if tops and bottoms == tops:
        return f"{', '.join(tops)} (in place)"
    line = f"{', '.join(bottoms)} -> {', '.join(tops)}".strip()
    return f"{line} (in place)" if layer.is_in_place() else line


def _notes(net: Net, summary: NetSummary, entry: LayerSummary) -> Iterator[str]:
    if not entry.registered:
        yield f"no type of {net.dialect.name}"
    if entry.batchnorm is not None:
        phase = entry.layer.runs_as(summary.state)
        yield _batchnorm(entry.batchnorm, entry.batchnorm.batch_statistics == (phase == TRAIN))
    if entry.scales is not None:
        yield f"scales {entry.scales.name}"
    shared = [parameter.name for parameter in entry.parameters or () if parameter.name]
    if shared:
        yield f"shares {', '.join(shared)}"


def _batchnorm(batchnorm: BatchNormSummary, usual: bool) -> str:
    parts = [f"{batchnorm.engine}, {len(batchnorm.blobs)} blobs"]
    parts += ["scale and bias"] if batchnorm.affine else []
    parts += [f"eps {batchnorm.eps:g}", f"average {batchnorm.average:g}"]
    parts += [] if usual else [f"{_statistics(batchnorm)} statistics"]
    parts += [f"Scale {batchnorm.scale.name}"] if batchnorm.scale is not None else []
    return ", ".join(parts)


def _statistics(batchnorm: BatchNormSummary) -> str:
    return "batch" if batchnorm.batch_statistics else "stored"


def _totals(summary: NetSummary) -> str:
    totals = summary.totals
    least = "at least " if totals.unknown else ""
    line = (
        f"{counted(totals.layers, 'layer')}, {counted(totals.batchnorms, 'BatchNorm')}; "
        f"{least}{totals.learnable:,} parameters"
    )
    if totals.statistics:
        line += f", {totals.statistics:,} values of statistics"
    if totals.macs:
        open_ = any(entry.macs is None for entry in summary.layers)
        line += f", {'at least ' if open_ else ''}{_short(totals.macs)} multiply-accumulates"
    if not totals.unknown:
        return line
    line += f" ({counted(totals.unknown, 'layer')} with '?' not counted)"
    blob, shape = next(_open_sources(summary), ("", None))
    if shape is None:
        return line
    sizes = ",".join("?" if size is None else str(size) for size in shape.dims) or "1,3,224,224"
    return f"{line}\nto tell what the net leaves open: --input-shape {shown(blob)}={sizes}"


def _open_sources(summary: NetSummary) -> Iterator[tuple[str, Shape]]:
    """Return the inputs whose shape the net does not state."""
    sources = list(summary.inputs.items())
    for entry in summary.layers:
        if not entry.layer.bottoms:
            tops = zip(entry.layer.tops, entry.tops, strict=True)
            sources += [(blob.name, shape) for blob, shape in tops]
    return ((blob, shape) for blob, shape in sources if shape.values is None)


def as_dict(net: Net, summary: NetSummary) -> dict[str, Any]:
    """Return the summary as JSON has it; `line` counts from 1.

    A shape is `{"sizes": [...], "complete": true}`: a size of null is not known, and further
    axes may follow where `complete` is false.
    """
    state = summary.state
    return {
        "phase": state.phase,
        "stages": sorted(state.stages),
        "level": state.level,
        "builds": construction(net, net.view_in(state)).builds,
        "inputs": [{"name": name, **_shape(shape)} for name, shape in summary.inputs.items()],
        "layers": [_layer(net, entry) for entry in summary.layers],
        "totals": summary.totals._asdict(),
    }


def _layer(net: Net, entry: LayerSummary) -> dict[str, Any]:
    layer = entry.layer
    tops = zip(layer.tops, entry.tops, strict=True)
    return {
        "name": layer.name,
        "type": layer.type,
        "registered": entry.registered,
        "line": net.source.line_number(layer.node.start),
        "bottoms": [blob.name for blob in layer.bottoms],
        "tops": [{"name": blob.name, **_shape(shape)} for blob, shape in tops],
        "in_place": layer.is_in_place(),
        "parameters": _parameters(entry),
        "macs": entry.macs,
        "batchnorm": _batchnorm_dict(entry.batchnorm),
        "scales": entry.scales.name if entry.scales is not None else None,
    }


def _parameters(entry: LayerSummary) -> list[dict[str, Any]] | None:
    if entry.parameters is None:
        return None
    return [
        {
            "role": parameter.role,
            **_shape(parameter.shape),
            "count": parameter.shape.values,
            "lr_mult": parameter.lr_mult,
            "shared_as": parameter.name or None,
        }
        for parameter in entry.parameters
    ]


def _batchnorm_dict(batchnorm: BatchNormSummary | None) -> dict[str, Any] | None:
    if batchnorm is None:
        return None
    return {
        "engine": batchnorm.engine,
        "blobs": list(batchnorm.blobs),
        "affine": batchnorm.affine,
        "eps": batchnorm.eps,
        "moving_average_fraction": batchnorm.average,
        "statistics": _statistics(batchnorm),
        "scale": batchnorm.scale.name if batchnorm.scale is not None else None,
    }


def _shape(shape: Shape) -> dict[str, Any]:
    return {"sizes": list(shape.dims), "complete": shape.complete}
