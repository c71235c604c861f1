"""The HTML report: one file that opens offline, asks for nothing, and is read without scripts.

A summary, the snapshots, all layers at a glance, the table of layers, each layer by itself. What
it says is there as it is loaded; report.js only sorts, filters and opens.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from protolint import picture
from protolint.diagnostic import Diagnostic
from protolint.errors import UsageError
from protolint.files import replace_file
from protolint.shown import markup
from protolint.stats.definitions import DEAD, DENORMAL, FIGURES, GAIN_SIZE, VARIANCE
from protolint.stats.figures import overview, overview_axis
from protolint.stats.figures_axis import LogAxis, log_axis, number
from protolint.stats.html_detail import detail, variance_lines
from protolint.stats.html_layers import RANK, Layer, gains, layers_of, variance_axis
from protolint.stats.html_table import chip, table
from protolint.stats.html_words import count, headline, moved, remarks, times
from protolint.stats.model import StatsReport
from protolint.stats.summary import Spread, summary_of
from protolint.words import listed

__all__ = ["page", "write_html"]

#: Layers that moved most, shown together.
_MOST_MOVED = 4
#: Layers that are named under an overview; of more, the one that is pointed at is named.
_MOST_UNDER = 60
#: Layers that are open when the page is; the rest opens when asked for.
_MOST_OPEN = 4
#: Layers named for a rule on top, before "and more".
_MOST_NAMED = 8


def write_html(report: StatsReport, path: str) -> None:
    """Write a report as one HTML file; the same report gives the same bytes.

    Raises InputError where the file cannot be written; what was there is then as it was.
    """
    replace_file(path, page(report).encode("utf-8"))


def page(report: StatsReport) -> str:
    """Return a report as one HTML document that asks for no other file."""
    layers = layers_of(report)
    css, script = _resource("report.css"), _resource("report.js")
    drawn = _net(report)
    styles = " ".join(f"'{_hash(text)}'" for text in (css, *([picture.STYLE] if drawn else [])))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src {styles}; script-src '{_hash(script)}'"
    )
    names = [os.path.basename(snapshot.path) for snapshot in report.snapshots]
    title = f"BatchNorm statistics: {names[-1]}"
    skip = '<a class="skip" href="#table">Skip to the table of layers</a>\n' if layers else ""
    parts = [_summary(report, layers)]
    if len(report.snapshots) > 1:
        parts.append(_snapshots(report, layers))
    if layers:
        axis = variance_axis(layers)
        if len(layers) > 1:
            parts.append(_glance(report, layers, axis))
        parts.append(_layers(layers, axis))
        parts.append(drawn)
        parts.append(_details(report, layers))
    parts.append(_words())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="generator" content="protolint stats">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{markup(title)}</title>\n<style>{css}</style>\n</head>\n<body>\n"
        f"{skip}{_header(report)}<main>\n{''.join(parts)}</main>\n"
        f"<footer><p>Made by <b>protolint stats</b> {version('protolint-caffe')}.</p></footer>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _header(report: StatsReport) -> str:
    last = report.snapshots[-1]
    heading = markup(last.path)
    if len(report.snapshots) > 1:
        heading = f"{count(len(report.snapshots), 'snapshot')}, the last {heading}"
    kind = markup(last.kind.title)
    return (
        '<header><p class="over">protolint stats</p><h1>BatchNorm statistics</h1>'
        f'<p class="path">{heading} <span class="quiet">({kind})</span></p></header>\n'
    )


def _summary(report: StatsReport, layers: Sequence[Layer]) -> str:
    text, kind = headline(report, layers)
    words = "".join(f"<p>{markup(remark)}</p>" for remark in remarks(report, layers))
    return (
        f'<section aria-labelledby="summary" class="summary {kind}"><h2 id="summary">'
        f'{markup(text)}</h2><div class="split"><div>{words}{_by_rule(report, layers)}</div>'
        f"{_totals(layers)}</div></section>\n"
    )


def _totals(layers: Sequence[Layer]) -> str:
    """Return the numbers of the whole net."""
    summaries = [layer.summary for layer in layers]
    channels = sum(one.channels for one in summaries)
    facts = [
        ("Layers", len(layers), False),
        ("Channels", channels, False),
        (DEAD.title, sum(one.dead for one in summaries), True),
        (DENORMAL.title, sum(one.denormal for one in summaries), True),
        ("Negative", sum(one.negative for one in summaries), True),
        ("Not finite", sum(one.non_finite for one in summaries), True),
    ]
    return (
        '<dl class="totals">'
        + "".join(
            f"<div{' class=bad' * (bad and value > 0)}><dt>{name}</dt><dd>{value:,}</dd></div>"
            for name, value, bad in facts
        )
        + "</dl>"
    )


def _by_rule(report: StatsReport, layers: Sequence[Layer]) -> str:
    """Return the findings, one line for each rule, with links to the layers."""
    rules: dict[tuple[int, str, str, str], list[Diagnostic]] = {}
    for finding in report.findings:
        key = (RANK[finding.severity], finding.code, finding.name, finding.severity.value)
        rules.setdefault(key, []).append(finding)
    if not rules:
        return ""
    places = {layer.name: layer for layer in layers}
    items = ""
    for (_, code, name, severity), findings in sorted(rules.items()):
        hit = dict.fromkeys(finding.layer or "" for finding in findings)
        known = [places[layer] for layer in hit if layer in places]
        links = [f'<a href="#{one.anchor}">{markup(one.name)}</a>' for one in known]
        about = listed(links, _MOST_NAMED)
        if not known or len(known) < len([layer for layer in hit if layer]):
            others = (f.message for f in findings if f.layer not in places)
            about += " ".join(markup(message) for message in dict.fromkeys(others))
        label = name.replace("-", " ")
        items += f"<li>{chip(code, severity)} <b>{markup(label)}</b> <span>{about}</span></li>"
    return f'<ul class="rules">{items}</ul>'


def _snapshots(report: StatsReport, layers: Sequence[Layer]) -> str:
    """Return the files, and the layers that moved most from one to the next."""
    rows = ""
    for i, snapshot in enumerate(report.snapshots):
        drifts = [drift for drift in report.drifts if drift.after == i]
        out = report.outlier is not None and report.outlier.snapshot == i
        median = float(np.median([drift.median_ratio for drift in drifts])) if drifts else None
        dead = sum(int(numbers.dead.sum()) for numbers in snapshot.layers)
        values = (
            f"{len(snapshot.layers):,}",
            f"{dead:,}",
            times(median) if median is not None else "\N{EN DASH}",
            f"{sum(drift.moved for drift in drifts):,}" if drifts else "\N{EN DASH}",
        )
        cells = "".join(f'<td class="num">{value}</td>' for value in values)
        mark = chip("stands out", "warning") if out else ""
        rows += (
            f'<tr><th scope="row" class="name text">{markup(snapshot.label)} {mark}</th>'
            f'{cells}<td class="text path">{markup(snapshot.path)}</td></tr>'
        )
    heads = "".join(
        f'<th scope="col" class="{kind}">{title}</th>'
        for title, kind in (
            ("Snapshot", "name text"),
            ("Layers", "num"),
            (DEAD.title, "num"),
            ("Median layer moved by", "num"),
            ("Layers that moved", "num"),
            ("File", "text"),
        )
    )
    most = sorted(layers, key=lambda layer: (-moved(layer.drifts), layer.number))
    most = [layer for layer in most if layer.drifts and layer.readable][:_MOST_MOVED]
    figures = "".join(
        f'<figure><figcaption><a href="#{layer.anchor}">{markup(layer.name)}</a>'
        f' <span class="quiet">{times(moved(layer.drifts))}</span></figcaption>'
        f"{variance_lines(layer, report)}</figure>"
        for layer in most
    )
    if figures:
        figures = f'<h3>Layers that moved most</h3><div class="figures">{figures}</div>'
    return (
        '<section aria-labelledby="snapshots"><h2 id="snapshots">Snapshots</h2>'
        '<div class="scroll" role="region" aria-label="Table of snapshots" tabindex="0">'
        f'<table class="files"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{figures}</section>\n"
    )


def _glance(report: StatsReport, layers: Sequence[Layer], axis: LogAxis) -> str:
    """Return the range of variance and of gain of each layer, side by side."""
    then = [summary_of(layer.then) if layer.then is not None else None for layer in layers]
    figures = _ranges(
        report,
        layers,
        VARIANCE.title,
        [layer.summary.variance for layer in layers],
        axis,
        [one.variance.median if one is not None else math.nan for one in then],
        [layer.now.eps for layer in layers],
    ) + _ranges(
        report,
        layers,
        GAIN_SIZE.title,
        [layer.summary.gain_size for layer in layers],
        log_axis([gains(layer.now) for layer in layers], 1.0),
        [one.gain_size.median if one is not None else math.nan for one in then],
    )
    return (
        '<section aria-labelledby="glance"><h2 id="glance">All layers at a glance</h2>'
        f'<div class="pair">{figures}</div></section>\n'
    )


def _ranges(
    report: StatsReport,
    layers: Sequence[Layer],
    name: str,
    ranges: Sequence[Spread],
    axis: LogAxis,
    before: Sequence[float],
    eps: Sequence[float] = (),
) -> str:
    """One overview with its caption and its scale."""
    off = any(not math.isnan(one.low) and axis.place(one.low) is None for one in ranges)
    marked = [bool(layer.findings) for layer in layers]
    key = ["bar from smallest to largest", "tick at the median"]
    if not all(math.isnan(value) for value in before):
        key.append(f"grey tick at that of {markup(report.snapshots[0].label)}")
    key += ["dashes at eps"] if eps else []
    key += ["shade for findings"] if any(marked) else []
    figure = overview(
        ranges, axis, f"{name} of each layer", _in_words(name, ranges, layers),
        eps=eps, before=before, marked=marked,
        names=[layer.name for layer in layers] if len(layers) <= _MOST_UNDER else (),
    )  # fmt: skip
    order = f"Layers 1 to {len(layers)}, in the order of the net"
    return (
        f'<figure><figcaption>{name} <span class="quiet">{", ".join(key)}</span></figcaption>'
        f'<div class="wide">{overview_axis(axis, off)}{figure}</div>'
        f'<p class="readout" data-of="{name.split()[0].lower()}">{order}</p></figure>'
    )


def _in_words(name: str, ranges: Sequence[Spread], layers: Sequence[Layer]) -> str:
    """Return an overview in words."""
    known = [pair for pair in zip(ranges, layers, strict=True) if not math.isnan(pair[0].low)]
    if not known:
        return "No layer has finite numbers."
    low = min(known, key=lambda pair: pair[0].low)
    high = max(known, key=lambda pair: pair[0].high)
    return (
        f"{name} of {count(len(known), 'layer')} in the order of the net, on a log axis: the"
        f" smallest is {number(low[0].low)} in {low[1].name}, the largest {number(high[0].high)}"
        f" in {high[1].name}. The table of layers has all numbers."
    )


def _layers(layers: Sequence[Layer], axis: LogAxis) -> str:
    found = sum(bool(layer.findings) for layer in layers)
    return (
        '<section aria-labelledby="table"><h2 id="table" tabindex="-1">Layers</h2>'
        '<form class="filter" role="search" aria-label="Layers to show" hidden>'
        '<label class="check">Name contains '
        '<input type="search" id="text" autocomplete="off" spellcheck="false"></label>'
        '<label class="check"><input type="checkbox" id="only">'
        f" Only layers with findings ({found})</label>"
        '<p id="shown" role="status"></p></form>'
        '<div class="scroll" role="region" aria-label="Table of layers" tabindex="0">'
        f"{table(layers, axis)}</div></section>\n"
    )


def _net(report: StatsReport) -> str:
    """Return the net that was given as a picture, the findings at its layers; "" without one."""
    views = [] if report.net is None else [v for v in report.net.views if v.state.phase == "TEST"]
    if report.net is None or not views:
        return ""
    try:
        image = picture.svg(picture.diagram(report.net, views[0], {}, report.findings))
    except UsageError:  # the extra is not installed
        return ""
    return (
        '<section aria-labelledby="net"><h2 id="net">The net</h2>'
        f'<div class="scroll" role="region" aria-label="The net" tabindex="0">{image}</div>'
        "</section>\n"
    )


def _details(report: StatsReport, layers: Sequence[Layer]) -> str:
    found = [layer for layer in layers if layer.findings]
    opened = {id(layer) for layer in (found or list(layers)[:1])[:_MOST_OPEN]}
    return (
        '<section aria-labelledby="each" class="each"><h2 id="each">Layer by layer</h2>'
        '<p class="tools" hidden><button type="button" id="open">Open all</button>'
        ' <button type="button" id="close">Close all</button></p>\n'
        f"{''.join(detail(layer, report, id(layer) in opened) for layer in layers)}</section>\n"
    )


def _words() -> str:
    items = "".join(
        f"<div><dt>{figure.title}</dt><dd>{figure.meaning[0].upper()}{figure.meaning[1:]}.</dd></div>"
        for figure in FIGURES
    )
    return (
        '<section aria-labelledby="words" class="words"><h2 id="words">Words</h2>'
        f"<dl>{items}</dl></section>\n"
    )
