"""The table of layers: one row each, with the values it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from protolint.record import NamedTuple
from protolint.shown import markup
from protolint.stats.definitions import (
    AGE,
    CHANNELS,
    DEAD,
    DENORMAL,
    EPS_SHARE,
    GAIN_SIZE,
    GAP,
    MOVED,
    VARIANCE,
    Figure,
    share_text,
)  # fmt: skip
from protolint.stats.figures import range_bar
from protolint.stats.figures_axis import LogAxis, digits, number
from protolint.stats.html_layers import RANK, Layer
from protolint.stats.html_words import moved, times

__all__ = ["chip", "table"]

_NOTHING = '<td class="num none">\N{EN DASH}</td>'


class _Column(NamedTuple):
    """A column: its head, what its cells are made by, and the group of columns it is in.

    `kind` is `num`, `text`, or `drawn` for one that nothing is sorted by. `minor` columns are left
    out on a narrow screen, and those of them that are `minor less` on one of middle width.
    """

    title: str
    cell: Callable[[Layer, LogAxis], str]
    kind: str = "num"
    group: str = ""
    about: str = ""
    minor: str = ""


def table(layers: Sequence[Layer], axis: LogAxis) -> str:
    """Return the table of all layers; `axis` is that of the ranges drawn in it."""
    columns = _columns(layers)
    rows = "".join(
        f'<tr data-layer="{layer.number}"{_data(layer)}{_found(layer)}>'
        f"{''.join(column.cell(layer, axis) for column in columns)}</tr>\n"
        for layer in layers
    )
    sizes = "".join(f'<col class="{column.minor}">' for column in columns)
    return (
        '<table id="layers"><caption class="unseen">BatchNorm layers</caption>'
        f"<colgroup>{sizes}</colgroup>"
        f"<thead>{_head(columns)}</thead>\n<tbody>\n{rows}</tbody></table>"
    )


def chip(text: str, kind: str) -> str:
    """Return a short word in the colour of a severity."""
    return f'<span class="chip {kind}">{markup(text)}</span>'


def _columns(layers: Sequence[Layer]) -> list[_Column]:
    columns = [
        _Column(
            "#",
            lambda layer, _: _number(layer.number),
            about="Place in the net",
            minor="minor less",
        ),
        _Column("Layer", _name, "text"),
        _Column("Findings", _findings, "text", minor="minor"),
        _of(
            CHANNELS,
            lambda layer, _: _number(layer.now.channels if layer.readable else None),
            minor="minor less",
        ),
        _Column("range", _range, "drawn", VARIANCE.title, minor="minor"),
        _Column("min", lambda layer, _: _variance(layer, 0), group=VARIANCE.title),
        _Column(
            "median", lambda layer, _: _variance(layer, 1), group=VARIANCE.title, minor="minor"
        ),
        _Column("max", lambda layer, _: _variance(layer, 2), group=VARIANCE.title, minor="minor"),
        _of(DEAD, lambda layer, _: _wrong(layer, layer.summary.dead), minor="minor"),
        _of(DENORMAL, lambda layer, _: _wrong(layer, layer.summary.denormal), minor="minor less"),
        _Column(
            "median",
            lambda layer, _: _value(layer.summary.gain_size.median),
            group=GAIN_SIZE.title,
            minor="minor",
        ),
        _Column(
            "max", lambda layer, _: _value(layer.summary.gain_size.high), group=GAIN_SIZE.title
        ),
        _of(EPS_SHARE, _eps_share),
    ]
    if any(layer.now.age.passes is not None for layer in layers):
        columns.append(_of(AGE, _age))
    if any(layer.drifts for layer in layers):
        columns.append(_of(MOVED, _moved))
    if any(layer.measured for layer in layers):
        columns.append(_of(GAP, _gap))
    return columns


def _of(figure: Figure, cell: Callable[[Layer, LogAxis], str], *, minor: str = "") -> _Column:
    return _Column(figure.title, cell, about=figure.meaning, minor=minor)


def _head(columns: Sequence[_Column]) -> str:
    """Two rows: groups of columns over their columns, single columns over both."""
    first, second = "", ""
    for group, members in groupby(enumerate(columns), key=lambda pair: pair[1].group):
        heads = list(members)
        if group:
            first += f'<th scope="colgroup" colspan="{len(heads)}" class="group">{group}</th>'
        for i, column in heads:
            sorts = "" if column.kind == "drawn" else f' data-column="{i}"'
            about = f' title="{markup(column.about)}"' if column.about else ""
            label = f'<span class="unseen">{group} </span>' if group else ""
            text = f"{label}<span{' class=unseen' * (not sorts)}>{column.title}</span>"
            wide = "" if group else ' rowspan="2"'
            cell = f'<th scope="col"{wide} class="{_class(column)}"{sorts}{about}>{text}</th>'
            first, second = (first, second + cell) if group else (first + cell, second)
    return f"<tr>{first}</tr><tr>{second}</tr>"


def _class(column: _Column) -> str:
    return "name text" if column.title == "Layer" else column.kind


def _found(layer: Layer) -> str:
    """Return what the filter and the style sheet read of a row's findings."""
    return f' class="found {layer.findings[0].severity.value}"' if layer.findings else ""


def _data(layer: Layer) -> str:
    """Return what the overviews show of a layer when it is pointed at."""
    text = ""
    for key, found in (
        ("variance", layer.summary.variance),
        ("gain", layer.summary.gain_size),
    ):
        if not math.isnan(found.median):
            numbers = f"{number(found.low)} to {number(found.high)}, median {number(found.median)}"
            text += f' data-{key}="{numbers}"'
    return text


def _name(layer: Layer, _: LogAxis) -> str:
    name = markup(layer.name)
    return (
        f'<th scope="row" class="name text" data-value="{name}"><a href="#{layer.anchor}"'
        f' title="{name}">{name}</a></th>'
    )


def _findings(layer: Layer, _: LogAxis) -> str:
    codes = dict.fromkeys((finding.code, finding.severity) for finding in layer.findings)
    chips = " ".join(chip(code, severity.value) for code, severity in codes)
    # The worst first, then the most.
    weight = sum(100 ** (2 - RANK[severity]) for _, severity in codes)
    return f'<td class="text chips" data-value="{weight or ""}">{chips}</td>'


def _range(layer: Layer, axis: LogAxis) -> str:
    found = layer.summary.variance
    drawn = "" if math.isnan(found.median) else range_bar(found, layer.now.eps, axis)
    return f'<td class="drawn">{drawn}</td>'


def _number(value: float | None, text: str = "", bad: bool = False) -> str:
    """Return a cell with a number; `bad` marks one that is wrong."""
    if value is None:
        return _NOTHING
    shown = text or f"{value:,}"
    order = f"{value:.9g}" if math.isfinite(value) else ""
    return f'<td class="num{" bad" * bad}" data-value="{order}">{markup(shown)}</td>'


def _value(value: float, bad: bool = False) -> str:
    return _NOTHING if math.isnan(value) else _number(value, digits(value), bad)


def _variance(layer: Layer, which: int) -> str:
    value = layer.summary.variance[which]
    return _value(value, value < layer.now.eps)


def _wrong(layer: Layer, channels: int) -> str:
    return _number(channels if layer.readable else None, bad=channels > 0)


def _eps_share(layer: Layer, _: LogAxis) -> str:
    share = layer.summary.eps_share
    if math.isnan(share):
        return _NOTHING
    return _number(share, share_text(share), share > 0.5)


def _age(layer: Layer, _: LogAxis) -> str:
    known = layer.now.age
    text = f"{known.passes:,}{'+' if known.at_least else ''}" if known.passes is not None else ""
    return _number(known.passes, text)


def _moved(layer: Layer, _: LogAxis) -> str:
    if not layer.drifts:
        return _NOTHING
    ratio = moved(layer.drifts)
    return _number(ratio, times(ratio), any(drift.moved for drift in layer.drifts))


def _gap(layer: Layer, _: LogAxis) -> str:
    gap = layer.measured.gap if layer.measured is not None else None
    return _number(gap, number(gap) if gap is not None else "")
