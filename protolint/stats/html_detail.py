"""What the page shows of one layer: findings, histograms, lines over snapshots, all numbers."""

from __future__ import annotations

import math

import numpy as np

from protolint.batchnorm.state import Array
from protolint.shown import markup
from protolint.stats.definitions import GAIN, GAIN_SIZE, VARIANCE
from protolint.stats.figures import Line, histogram, lines
from protolint.stats.figures_axis import binned, digits, log_axis, number
from protolint.stats.html_layers import Layer, gains
from protolint.stats.html_table import chip
from protolint.stats.html_words import age, count, times
from protolint.stats.model import Measured, StatsReport
from protolint.stats.summary import Spread, Summary, summary_of

__all__ = ["detail", "finding_list", "variance_lines"]

_LONGEST_LABEL = 14
_NONE = Spread(math.nan, math.nan, math.nan)


def detail(layer: Layer, report: StatsReport, opened: bool) -> str:
    """One layer, to be opened: what is wrong, the pictures, the numbers."""
    parts = [finding_list(layer, report), f'<p class="facts">{_facts(layer)}</p>']
    if layer.readable:
        figures = [_histograms(layer, report)]
        if sum(one is not None for one in layer.history) > 1:
            figures += [_figure("Variance over snapshots", variance_lines(layer, report))]
            figures += [_figure(f"{GAIN_SIZE.title} over snapshots", _gain_lines(layer, report))]
        parts.append(f'<div class="figures">{"".join(figures)}</div>')
        tables = [_numbers(layer)]
        tables += [_over_snapshots(layer, report)] if len(report.snapshots) > 1 else []
        tables += [_against_data(layer.measured)] if layer.measured is not None else []
        parts.append(f'<div class="tables">{"".join(tables)}</div>')
    codes = dict.fromkeys((finding.code, finding.severity) for finding in layer.findings)
    chips = " ".join(chip(code, severity.value) for code, severity in codes)
    chips = f"<span>{chips}</span>" if chips else ""
    return (
        f'<details class="layer{" found" * bool(layer.findings)}" data-layer="{layer.number}"'
        f"{' open' * opened}><summary><h3>{markup(layer.name)}</h3>{chips}"
        f'<span class="quiet">{_gist(layer)}</span></summary>'
        f'<div class="body" id="{layer.anchor}" tabindex="-1">{"".join(parts)}</div></details>\n'
    )


def finding_list(layer: Layer, report: StatsReport) -> str:
    """Return the findings about a layer, the worst first; empty where there are none."""
    if not layer.findings:
        return ""
    labels = {snapshot.path: snapshot.label for snapshot in report.snapshots}
    items = ""
    for finding in layer.findings:
        where = labels.get(finding.path, "") if len(labels) > 1 else ""
        place = f'<span class="quiet"> ({markup(where)})</span>' if where else ""
        items += (
            f'<li class="{finding.severity.value}">'
            f"{chip(f'{finding.severity.value} {finding.code}', finding.severity.value)}"
            f" {markup(finding.message)}{place}</li>"
        )
    return f'<ul class="findings">{items}</ul>'


def _gist(layer: Layer) -> str:
    """Return a layer in a few words, for the line that is always seen."""
    if not layer.readable:
        return "no numbers"
    return ", ".join([count(layer.now.channels, "channel"), *_wrong(layer.summary)])


def _wrong(found: Summary) -> list[str]:
    """Return the counts of wrong channels that are not 0."""
    counts = (
        (found.non_finite, "not finite"),
        (found.negative, "negative"),
        (found.dead, "dead"),
        (found.denormal, "denormal"),
    )
    return [f"{channels:,} {what}" for channels, what in counts if channels]


def _facts(layer: Layer) -> str:
    now = layer.now
    if now.problem:
        return markup(now.problem)
    if not now.channels:
        return "This layer has no channels."
    parts = [f"Layout {markup(now.layout)}" if now.layout else "", f"eps {number(now.eps)}"]
    parts.append("" if now.affine else "no gamma and beta")
    known = age(now.age)
    parts.append(f"average over {known} TRAIN passes" if known else "")
    if layer.measured is not None:
        parts.append(f"gap between TRAIN and TEST {number(layer.measured.gap)}")
    return " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _figure(caption: str, figure: str) -> str:
    return f"<figure><figcaption>{caption}</figcaption>{figure}</figure>"


def _histograms(layer: Layer, report: StatsReport) -> str:
    now, then = layer.now, layer.then
    which = ""
    if then is not None:
        labels = {id(one): s.label for one, s in zip(layer.history, report.snapshots, strict=True)}
        which = f"{markup(labels[id(now)])}, line {markup(labels[id(then)])}"
        which = f'<span class="quiet">bars {which}</span>'
    variance = _histogram(
        f"Variance of {layer.name}",
        _about_variance(layer),
        now.variance,
        then.variance if then is not None else None,
        now.eps,
    )
    gain = _histogram(
        f"{GAIN_SIZE.title} of {layer.name}",
        _about_gain(layer),
        gains(now),
        gains(then) if then is not None else None,
        None,
    )
    return _figure(f"Variance {which}", variance) + _figure(f"{GAIN_SIZE.title} {which}", gain)


def _histogram(title: str, about: str, now: Array, then: Array | None, eps: float | None) -> str:
    axis = log_axis([now] if then is None else [now, then], eps or 1.0)
    old = None if then is None else binned(then, axis)
    return histogram(binned(now, axis), title, about, eps=eps, then=old)


def _about_variance(layer: Layer) -> str:
    """Return the histogram of the variance in words."""
    wrong = _wrong(layer.summary)
    wrong = wrong or [f"none under eps {number(layer.now.eps)}"]
    return f"{_about(layer, 'variance', layer.summary.variance)}; {', '.join(wrong)}."


def _about_gain(layer: Layer) -> str:
    """Return the histogram of the gain in words."""
    negative = int((layer.now.gain < 0).sum())
    sign = f"; the gain is negative in {negative:,}" if negative else ""
    return f"{_about(layer, GAIN_SIZE.name, layer.summary.gain_size)}{sign}."


def _about(layer: Layer, name: str, found: Spread) -> str:
    text = f"Histogram of the {name} of {count(layer.now.channels, 'channel')} on a log axis"
    if math.isnan(found.median):
        return f"{text}; no value is finite"
    ends = f"{number(found.low)} to {number(found.high)}"
    return f"{text}, from {ends} with a median of {number(found.median)}"


def variance_lines(layer: Layer, report: StatsReport) -> str:
    """Return the smallest, middle and largest variance of a layer over the snapshots."""
    found = [summary_of(one).variance if one is not None else _NONE for one in layer.history]
    return _lines(layer, report, found, VARIANCE.title, layer.now.eps)


def _gain_lines(layer: Layer, report: StatsReport) -> str:
    found = [summary_of(one).gain_size if one is not None else _NONE for one in layer.history]
    return _lines(layer, report, found, GAIN_SIZE.title, None)


def _lines(
    layer: Layer, report: StatsReport, found: list[Spread], name: str, eps: float | None
) -> str:
    series = [
        Line("max", tuple(one.high for one in found)),
        Line("median", tuple(one.median for one in found), main=True),
        Line("min", tuple(one.low for one in found)),
    ]
    layout = "; ".join(
        f"{snapshot.label}: {number(one.low)} to {number(one.high)}, median {number(one.median)}"
        for snapshot, one in zip(report.snapshots, found, strict=True)
        if not math.isnan(one.median)
    )
    return lines(
        series,
        _labels(report),
        log_axis([np.array(found)], eps or 1.0),
        f"{name} of {layer.name} over snapshots",
        f"{layout}.",
        at=_places(report),
        eps=eps,
    )


def _places(report: StatsReport) -> list[float]:
    """Where the snapshots stand on a line: by iteration where all have one, else evenly."""
    known = [s.iteration for s in report.snapshots if s.iteration is not None]
    if len(known) < len(report.snapshots) or known != sorted(set(known)) or len(known) < 2:
        return []
    return [(i - known[0]) / (known[-1] - known[0]) for i in known]


def _labels(report: StatsReport) -> list[str]:
    """Return the snapshots' labels; a first word that all share is shown once."""
    labels = [snapshot.label for snapshot in report.snapshots]
    word, space, _ = labels[0].partition(" ")
    if space and all(label.startswith(f"{word} ") for label in labels):
        labels = [labels[0], *(label.removeprefix(f"{word} ") for label in labels[1:])]
    return [_short(label) for label in labels]


def _short(label: str) -> str:
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"\N{HORIZONTAL ELLIPSIS}{label[1 - _LONGEST_LABEL :]}"


def _numbers(layer: Layer) -> str:
    """All quantities of the last snapshot."""
    found = layer.summary
    rows = ""
    for name, one in (
        ("Mean", found.mean),
        ("Variance", found.variance),
        ("Gamma", found.gamma if layer.now.affine else _NONE),
        ("Beta", found.beta if layer.now.affine else _NONE),
        (GAIN.title, found.gain),
    ):
        if not math.isnan(one.median):
            cells = "".join(f"<td>{digits(value)}</td>" for value in one)
            rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return _small("All channels", ("", "min", "median", "max"), rows)


def _over_snapshots(layer: Layer, report: StatsReport) -> str:
    """How the variance of a layer went from file to file."""
    rows = ""
    drifts = {drift.after: drift for drift in layer.drifts}
    for i, (snapshot, one) in enumerate(zip(report.snapshots, layer.history, strict=True)):
        if one is None or one.problem:
            cells = '<td colspan="5">no numbers</td>'
        else:
            found = summary_of(one)
            move = times(drifts[i].median_ratio) if i in drifts else ""
            values = (*(digits(value) for value in found.variance), str(found.dead), move)
            cells = "".join(f"<td>{value}</td>" for value in values)
        rows += f'<tr><th scope="row">{markup(_short(snapshot.label))}</th>{cells}</tr>'
    return _small("Variance", ("", "min", "median", "max", "dead", "moved"), rows)


def _against_data(measured: Measured) -> str:
    """Return what a layer stores against what a batch has."""
    rows = ""
    for name, values in (
        ("Shift of the mean", measured.mean_shift),
        ("Ratio of variances", measured.variance_ratio),
    ):
        finite = values[np.isfinite(values)]
        if finite.size:
            found = (finite.min(), np.median(finite), finite.max())
            cells = "".join(f"<td>{digits(float(value))}</td>" for value in found)
            rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    caption = f"On the data, {measured.count:,} values per channel"
    return _small(caption, ("", "min", "median", "max"), rows)


def _small(caption: str, heads: tuple[str, ...], rows: str) -> str:
    cells = "".join(f'<th scope="col">{head}</th>' if head else "<td></td>" for head in heads)
    return (
        f'<div><table class="small"><caption>{caption}</caption><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
