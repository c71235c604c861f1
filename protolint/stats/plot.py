"""One picture for a bug report, drawn by matplotlib: variance and gain of every layer.

matplotlib is asked for files only, so that it needs no display and leaves its settings alone.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protolint.errors import UsageError
from protolint.files import replace_file
from protolint.stats.figures_axis import LogAxis, log_axis
from protolint.stats.html_layers import Layer, gains, layers_of, variance_axis
from protolint.stats.html_words import headline, moved, times
from protolint.stats.model import StatsReport
from protolint.stats.summary import Spread, summary_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_plot", "write_plot"]

#: The endings of a file name, and what is written.
_FORMATS = {".png": "png", ".svg": "svg"}

_INK, _QUIET, _RULE = "#1c2127", "#58626e", "#e3e5e8"
_BLUE, _RED, _AMBER, _GREY = "#2f6da8", "#b3261e", "#b36b00", "#8a939c"
#: Lines that differ by their marks too, for readers without colour.
_LINES = (("#2f6da8", "o"), ("#b36b00", "s"), ("#2c6e3f", "^"), ("#7a4fa0", "D"), ("#1c2127", "v"))
_LONGEST = 30
#: The height of one row of marks, in parts of the panel.
_ROW = 0.055
_DPI = 130
_STYLE: dict[Any, Any] = {
    # No name of a layer is a formula.
    "text.parse_math": False,
    "svg.hashsalt": "protolint",
    "svg.fonttype": "none",
    "font.size": 9.0,
    "text.color": _INK,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}


def check_plot(path: str) -> str:
    """Return the format for a file of this name, `png` or `svg`; ask before long work.

    Raises UsageError for another ending and where matplotlib is missing.
    """
    kind = _FORMATS.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise UsageError(f"{path}: a plot is a .png or a .svg file; name it so")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError(
            "a plot needs matplotlib: pip install 'protolint-caffe[plot]';"
            " an HTML report (--html) needs nothing"
        ) from None
    return kind


def write_plot(report: StatsReport, path: str) -> None:
    """Draw a report into a PNG or SVG file; the suffix of its name decides which.

    The same report gives the same bytes with the same matplotlib. Raises UsageError as
    check_plot does, InputError where the file cannot be written; what was there is then as it
    was.
    """
    kind = check_plot(path)
    import matplotlib.style

    data = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; no reason to warn.
        warnings.filterwarnings("ignore", message="Glyph")
        matplotlib.style.use("default")
        matplotlib.rcParams.update(_STYLE)
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        _figure(report).savefig(data, format=kind, dpi=_DPI, metadata=metadata)
    replace_file(path, data.getvalue())


def _figure(report: StatsReport) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layers = layers_of(report)
    most = _most_moved(layers) if len(report.snapshots) > 1 else []
    width = min(max(8.0, 3 + 0.17 * len(layers)), 16.0)
    rows = 3 if most else 2
    layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
    figure = Figure(figsize=(width, 2.9 * rows + 1.8), layout=layout)
    text, _ = headline(report, layers)
    figure.suptitle(
        _wrapped(f"{_files(report)}\n{text}", int(width * 11)),
        x=0.012,
        ha="left",
        fontsize=11,
    )
    panels = figure.subplots(rows, 1, squeeze=False)[:, 0]
    panels[0].sharex(panels[1])
    then = [summary_of(layer.then) if layer.then is not None else None for layer in layers]
    eps = [layer.now.eps if layer.readable else math.nan for layer in layers]
    _ranges(
        panels[0],
        [layer.summary.variance for layer in layers],
        variance_axis(layers),
        before=[one.variance.median if one is not None else math.nan for one in then],
        eps=eps,
    )
    panels[0].set_title("Variance")
    _marks(panels[0], layers)
    _ranges(
        panels[1],
        [layer.summary.gain_size for layer in layers],
        log_axis([gains(layer.now) for layer in layers], 1.0),
        before=[one.gain_size.median if one is not None else math.nan for one in then],
    )
    panels[1].set_title("Gain: |gamma| / sqrt(variance + eps)")
    panels[0].tick_params(labelbottom=False)
    _names(panels[1], layers, width)
    _legend(panels[0], report, any(one is not None for one in then))
    if most:
        _moves(panels[2], most, report, width)
    return figure


def _files(report: StatsReport) -> str:
    names = [os.path.basename(snapshot.path) for snapshot in report.snapshots]
    if len(names) == 1:
        return names[0]
    return f"{names[-1]}, compared with {len(names) - 1} earlier"


def _wrapped(text: str, room: int) -> str:
    import textwrap

    lines = [textwrap.fill(_fit(line, 400), room) for line in text.splitlines()]
    return "\n".join(lines)


def _fit(text: str, longest: int = _LONGEST) -> str:
    """Text that XML can hold, its middle left out where it is too long."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def _ranges(
    panel: Axes,
    ranges: Sequence[Spread],
    axis: LogAxis,
    *,
    before: Sequence[float],
    eps: Sequence[float] = (),
) -> None:
    """Draw a bar for each layer, as far as it is on the axis; the part under eps in red."""
    floor = 10.0**axis.low
    at = np.arange(1, len(ranges) + 1)
    found = np.array(ranges, dtype=np.float64).reshape(-1, 3)
    low, median, high = np.where(np.isnan(found), np.nan, np.maximum(found, floor)).T
    limit = np.array(eps) if len(eps) else np.full(len(ranges), np.nan)
    split = np.where(np.isnan(limit), low, np.clip(limit, low, high))
    _scale(panel, axis)
    wide = float(np.clip(240 / max(len(ranges), 1), 1.2, 7))
    panel.vlines(at, split, high, color=_BLUE, alpha=0.45, linewidth=wide)
    under = low < split
    panel.vlines(at[under], low[under], split[under], color=_RED, alpha=0.8, linewidth=wide)
    tick = min(wide * 1.7, 9)
    panel.plot(at, before, "_", color=_GREY, markersize=tick, markeredgewidth=1.2)
    panel.plot(at, median, "_", color=_BLUE, markersize=tick, markeredgewidth=1.8)
    if len(eps):
        panel.hlines(limit, at - 0.5, at + 0.5, color=_AMBER, linewidth=1, linestyle=(0, (3, 2)))
    panel.set_xlim(0.3, len(ranges) + 0.7)


def _scale(panel: Axes, axis: LogAxis) -> None:
    """Set a log scale with quiet lines and plain numbers, fixed before anything is drawn."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    panel.set_yscale("log")
    panel.set_ylim(10.0**axis.low, 10.0**axis.high)
    ticks = axis.ticks(7)
    panel.yaxis.set_major_locator(FixedLocator([10.0**decade for decade in ticks]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FixedFormatter([f"1e{decade}" for decade in ticks]))
    panel.grid(axis="y", color=_RULE, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(which="both", length=0)
    panel.spines["left"].set_visible(False)


def _marks(panel: Axes, layers: Sequence[Layer]) -> None:
    """Draw a row of marks under the panel for each kind of wrong channels that there is."""
    rows = 0
    for marker, field, label in (
        ("v", "dead", "dead channels (variance under eps)"),
        ("D", "denormal", "denormal variance"),
        ("_", "negative", "negative variance"),
        ("x", "non_finite", "NaN or infinite"),
    ):
        at = [layer.number for layer in layers if getattr(layer.summary, field)]
        if at:
            rows += 1
            panel.plot(
                at,
                [-_ROW * (rows - 0.3)] * len(at),
                marker,
                color=_RED,
                markersize=4,
                transform=panel.get_xaxis_transform(),
                clip_on=False,
                label=label,
            )


def _legend(panel: Axes, report: StatsReport, moves: bool) -> None:
    """Explain the bars and marks, under the panel and its marks."""
    from matplotlib.lines import Line2D

    marks, names = panel.get_legend_handles_labels()
    rows = len(marks)
    tick: dict[str, Any] = {"marker": "_", "linestyle": "", "markersize": 8, "markeredgewidth": 1.8}
    handles = [
        Line2D([], [], color=_BLUE, alpha=0.45, linewidth=5),
        Line2D([], [], color=_BLUE, **tick),
        Line2D([], [], color=_AMBER, linewidth=1, linestyle=(0, (3, 2))),
    ]
    labels = ["smallest to largest", "median", "eps"]
    if moves:
        handles.append(Line2D([], [], color=_GREY, **tick))
        labels.append(f"median at {_fit(report.snapshots[0].label)}")
    panel.legend(
        [*handles, *marks],
        [*labels, *names],
        loc="upper left",
        bbox_to_anchor=(0, -_ROW * rows - 0.01),
        ncols=4,
        borderaxespad=0.2,
        handletextpad=0.5,
        columnspacing=1.6,
    )


def _names(panel: Axes, layers: Sequence[Layer], width: float) -> None:
    """Write the names of layers under the panel, as many as there is room for.

    Those of layers with findings come first, in another colour.
    """
    step = math.ceil(len(layers) / (width * 6))
    shown: dict[int, Layer] = {}
    for wanted in ([layer for layer in layers if layer.findings], layers):
        for layer in wanted:
            near = range(layer.number - step + 1, layer.number + step)
            if not any(number in shown for number in near):
                shown[layer.number] = layer
    kept = sorted(shown.values(), key=lambda layer: layer.number)
    labels = [_fit(layer.name) for layer in kept]
    flat = sum(map(len, labels)) < width * 9
    panel.set_xticks([layer.number for layer in kept])
    texts = panel.set_xticklabels(labels, rotation=0 if flat else 90, fontsize=7.5)
    for text, layer in zip(texts, kept, strict=True):
        if layer.findings:
            text.set_color(_RED)


def _most_moved(layers: Sequence[Layer]) -> list[Layer]:
    kept = [layer for layer in layers if layer.drifts and layer.readable]
    return sorted(kept, key=lambda layer: (-moved(layer.drifts), layer.number))[: len(_LINES)]


def _moves(panel: Axes, layers: Sequence[Layer], report: StatsReport, width: float) -> None:
    """Draw the median variance of the layers that moved most, from snapshot to snapshot."""
    known = [snapshot.iteration for snapshot in report.snapshots]
    by_iteration = all(one is not None for one in known) and len(set(known)) == len(known)
    at: list[Any] = list(known) if by_iteration else list(range(len(known)))
    medians = [
        [summary_of(one).variance.median if one is not None else math.nan for one in layer.history]
        for layer in layers
    ]
    _scale(panel, log_axis([np.array(medians)]))
    for layer, found, (colour, marker) in zip(layers, medians, _LINES, strict=False):
        values = [value if value > 0 else math.nan for value in found]
        # A label that began with an underscore would be left out.
        label = f"{times(moved(layer.drifts))}  {_fit(layer.name)}"
        panel.plot(at, values, marker=marker, color=colour, markersize=4.5, label=label)
    panel.set_title("Median variance of the layers that moved most, over snapshots")
    step = math.ceil(len(at) / width)
    panel.set_xticks(at[::step])
    panel.set_xticklabels([_fit(one.label, 16) for one in report.snapshots[::step]])
    columns = max(2, int(width // 2.6))
    panel.legend(loc="upper left", bbox_to_anchor=(0, -0.09), ncols=columns, borderaxespad=0.2)
