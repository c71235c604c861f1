"""The pictures of the HTML report: SVG elements as text, coloured by the page's style sheet.

Every figure is an image with a title and a description that says in words what it shows. Text
in figures is escaped here; classes are named in html/report.css.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from protolint.record import NamedTuple
from protolint.shown import markup
from protolint.stats.figures_axis import Histogram, LogAxis, number
from protolint.stats.summary import Spread

__all__ = ["Line", "histogram", "lines", "overview", "overview_axis", "range_bar"]

_WIDTH, _HEIGHT = 300, 126
_TOP, _BOTTOM, _LEFT, _RIGHT = 14, 104, 4, 296
#: The width of a bar that stands beside the axis, for zeros and the like.
_ASIDE = 28
#: The lines' names stand at their right.
_NAMES = 52
#: About the width of a letter or digit.
_LETTER = 6.2
_OVERVIEW = 240
_GUTTER = 22
#: Layers that need no more than this width each, so as not to fill a page with nothing.
_FEW, _FEW_WIDTH = 8, 56
#: The most letters of a layer's name under an overview.
_NAME = 16
#: The width of a range in a table.
_BAR = 112


class Line(NamedTuple):
    """One line of a figure: its name and a value for each snapshot; NaN where there is none."""

    name: str
    values: tuple[float, ...]
    main: bool = False


def histogram(
    now: Histogram,
    title: str,
    about: str,
    *,
    eps: float | None = None,
    then: Histogram | None = None,
) -> str:
    """Bars for the values of a layer, those under eps marked; `then`, earlier ones, as an outline.

    Both have the same axis and step. What has no place on the axis stands left of it.
    """
    aside = _aside(now, then)
    left = _LEFT + _ASIDE * len(aside) + (8 if aside else 0)
    axis = now.axis
    most = max(1, *now.counts, *(then.counts if then else ()), *(size for _, size in aside))
    height = (_BOTTOM - _TOP) / most
    wide = (_RIGHT - left) / len(now.counts)
    parts = [_grid(axis, left)]
    good: list[str] = []
    bad: list[str] = []
    for i, count in enumerate(now.counts):
        if count:
            end = 10 ** (axis.low + (i + 1) * now.step)
            bars = bad if eps is not None and end <= eps * 1.001 else good
            tall = max(count * height, 2)
            bars.append(
                f"M{_r(left + i * wide + 0.5)} {_BOTTOM}v{_r(-tall)}h{_r(wide - 1)}v{_r(tall)}z"
            )
    for i, (name, count) in enumerate(aside):
        x = _LEFT + i * _ASIDE
        if count:
            tall = max(count * height, 2)
            bars = good if eps is None and name == "less" else bad
            bars.append(f"M{x + 4} {_BOTTOM}v{_r(-tall)}h{_ASIDE - 8}v{_r(tall)}z")
            parts.append(_label(x + _ASIDE / 2, _BOTTOM - tall - 3, "mid", str(count)))
        parts.append(_label(x + _ASIDE / 2, 118, "mid tick", name))
    if good:
        parts.append(f'<path class="bar" d="{"".join(good)}"/>')
    if bad:
        parts.append(f'<path class="bar bad" d="{"".join(bad)}"/>')
    if then is not None:
        parts.append(f'<path class="was" d="{_outline(then, left, wide, height)}"/>')
    parts.append(f'<path class="base" d="M{_r(left)} {_BOTTOM}H{_RIGHT}"/>')
    if eps is not None:
        parts.append(_eps_mark(axis, eps, left))
    parts.append(_label(_RIGHT, 10, "end tick", f"{most:,} channel{'s' * (most > 1)}"))
    return _image(title, about, "".join(parts))


def _aside(now: Histogram, then: Histogram | None) -> list[tuple[str, int]]:
    """Return what stands left of the axis, where there is any: name and count."""
    both = [now, then] if then is not None else [now]
    found = []
    for name, field in (
        ("NaN", "not_finite"),
        ("<0", "negative"),
        ("0", "zero"),
        ("less", "below"),
    ):
        if any(getattr(bins, field) for bins in both):
            found.append((name, int(getattr(now, field))))
    return found


def _outline(bins: Histogram, left: float, wide: float, height: float) -> str:
    """Return a histogram as one line over its bars."""
    path = f"M{_r(left)} {_BOTTOM}"
    level = 0
    for i, count in enumerate((*bins.counts, 0)):
        if count != level:
            path += f"H{_r(left + i * wide)}V{_r(_BOTTOM - count * height)}"
            level = count
    return path


def _grid(axis: LogAxis, left: float) -> str:
    """Return the decades under a figure, with their names."""
    marks, names = "", ""
    for decade in axis.ticks(6 if left < 60 else 5):
        x = left + (decade - axis.low) / axis.decades * (_RIGHT - left)
        marks += f"M{_r(x)} {_TOP}V{_BOTTOM + 3}"
        anchor = "end" if x > _RIGHT - 8 else "start" if x < left + 8 else "mid"
        names += _label(x, 118, f"{anchor} tick", f"1e{decade}")
    return f'<path class="grid" d="{marks}"/>{names}'


def _eps_mark(axis: LogAxis, eps: float, left: float) -> str:
    """Return a line at eps, or an arrow to where it would be."""
    at = axis.place(eps)
    if at is None:
        return _label(left, 10, "eps", f"\N{LEFTWARDS ARROW} eps {number(eps)}")
    x = left + at * (_RIGHT - left)
    side, apart = ("end", -4) if x > _RIGHT - 120 else ("start", 4)
    line = f'<path class="eps" d="M{_r(x)} 2V{_BOTTOM}"/>'
    return line + _label(x + apart, 10, f"eps {side}", f"eps {number(eps)}")


def lines(
    series: Sequence[Line],
    names: Sequence[str],
    axis: LogAxis,
    title: str,
    about: str,
    *,
    at: Sequence[float] = (),
    eps: float | None = None,
) -> str:
    """Values over snapshots on a log axis; those that are not on it stand under it.

    `names` are the snapshots', `at` their places from 0 to 1; evenly apart without.
    """
    left, right, foot = 38, _RIGHT - _NAMES, _BOTTOM - 8
    places = at or [i / max(len(names) - 1, 1) for i in range(len(names))]
    xs = [left + 6 + place * (right - left - 6) for place in places]

    def height(value: float) -> float:
        found = axis.place(value)
        return _BOTTOM if found is None else foot - found * (foot - _TOP)

    grid, parts = "", []
    for decade in axis.ticks(4):
        y = foot - (decade - axis.low) / axis.decades * (foot - _TOP)
        grid += f"M{left} {_r(y)}H{_r(right)}"
        parts.append(_label(left - 4, y + 3.5, "end tick", f"1e{decade}"))
    parts.insert(0, f'<path class="grid" d="{grid}"/>')
    eps_at = axis.place(eps) if eps is not None else None
    if eps_at is not None:
        y = foot - eps_at * (foot - _TOP)
        parts.append(f'<path class="eps" d="M{left} {_r(y)}H{_r(right)}"/>')
        parts.append(_label(right, y - 3, "eps end", "eps"))
    for x, anchor, name in _apart(xs, names, left, right):
        parts.append(_label(x, 118, f"{anchor} tick", name))
    ends = []
    for line in series:
        points = [(x, height(v)) for x, v in zip(xs, line.values, strict=True) if not math.isnan(v)]
        if not points:
            continue
        kind = "line main" if line.main else "line"
        path = "M" + "L".join(f"{_r(x)} {_r(y)}" for x, y in points)
        dots = "".join(f"M{_r(x)} {_r(y)}h0" for x, y in points)
        parts.append(f'<path class="{kind}" d="{path}"/><path class="{kind} dot" d="{dots}"/>')
        ends.append((points[-1][1], line))
    for y, line in _spread(ends):
        parts.append(_label(right + 7, y + 3.5, "main" if line.main else "", line.name))
    return _image(title, about, "".join(parts))


def _apart(
    xs: Sequence[float], names: Sequence[str], left: float, right: float
) -> list[tuple[float, str, str]]:
    """Return the names that do not run into each other, each with its anchor; the last always."""
    placed = []
    for x, name in zip(xs, names, strict=True):
        wide = _LETTER * len(name)
        anchor = "start" if x < left + wide / 2 else "end" if x > right - wide / 2 else "mid"
        start = x - {"start": 0, "mid": wide / 2, "end": wide}[anchor]
        placed.append((start, start + wide, (x, anchor, name)))
    kept = [placed[-1]]
    for one in placed[:-1]:
        before = kept[-2][1] if len(kept) > 1 else -math.inf
        if one[0] > before + _LETTER and one[1] < kept[-1][0] - _LETTER:
            kept.insert(-1, one)
    return [label for _, _, label in kept]


def _spread(ends: list[tuple[float, Line]]) -> list[tuple[float, Line]]:
    """Return the ends of lines, from the top, moved so that their names do not cover each other."""
    placed: list[tuple[float, Line]] = []
    for y, line in sorted(ends, key=lambda end: end[0]):
        placed.append((max(y, placed[-1][0] + 11) if placed else y, line))
    over = placed[-1][0] - _BOTTOM if placed else 0
    return [(y - max(over, 0), line) for y, line in placed]


def overview(
    ranges: Sequence[Spread],
    axis: LogAxis,
    title: str,
    about: str,
    *,
    eps: Sequence[float] = (),
    before: Sequence[float] = (),
    marked: Sequence[bool] = (),
    names: Sequence[str] = (),
) -> str:
    """Return a bar from the smallest to the largest value of each layer, a tick at the median.

    As wide as there is room: places are in percent. The part of a bar that lies under the
    layer's eps is marked; a layer with values that are not on the axis gets a dot in a strip
    under it. `before` are earlier middles, NaN for none; `marked` the layers with findings;
    `names` stand upright under the bars, the ends of long ones.
    """
    foot = _OVERVIEW - _GUTTER
    step = 100 / max(len(ranges), 1)
    wide = "wide" if len(ranges) <= 30 else "thin" if len(ranges) <= 80 else "hair"

    def height(value: float) -> float:
        found = axis.place(value)
        return foot if found is None else foot - found * foot

    def upright(kind: str, x: float, y1: float, y2: float) -> str:
        return f'<line class="{kind}" x1="{_p(x)}" x2="{_p(x)}" y1="{_r(y1)}" y2="{_r(y2)}"/>'

    def level(kind: str, x: float, half: float, y: float) -> str:
        sides = f'x1="{_p(x - half)}" x2="{_p(x + half)}"'
        return f'<line class="{kind}" {sides} y1="{_r(y)}" y2="{_r(y)}"/>'

    parts = [level("grid", 50, 50, height(10.0**decade)) for decade in axis.ticks(7)]
    short = min(step * 0.36, 1.2 if len(ranges) > _FEW else 5.0)
    for i, found in enumerate(ranges):
        x = (i + 0.5) * step
        if i < len(marked) and marked[i]:
            sides = f'x="{_p(i * step)}" width="{_p(step)}"'
            parts.append(f'<rect class="lit" {sides} y="0" height="{_OVERVIEW}"/>')
        if math.isnan(found.median):
            continue
        low, high = height(found.low), height(found.high)
        split = height(eps[i]) if i < len(eps) else foot
        if high < split:
            parts.append(upright(f"span {wide}", x, min(low, split), high))
        if low > split:
            parts.append(upright(f"span bad {wide}", x, low, max(split, high)))
        if axis.place(found.low) is None:
            parts.append(
                f'<circle class="off" cx="{_p(x)}" cy="{_OVERVIEW - _GUTTER // 2}" r="3"/>'
            )
        if i < len(before) and not math.isnan(before[i]):
            parts.append(level("then", x, short, height(before[i])))
        parts.append(level("now", x, short, height(found.median)))
        if i < len(eps) and axis.place(eps[i]) is not None:
            parts.append(level("eps", x, step / 2, split))
    parts.append(level("base", 50, 50, foot))
    for i, name in enumerate(names):
        text = name if len(name) <= _NAME else f"\N{HORIZONTAL ELLIPSIS}{name[1 - _NAME :]}"
        place = f'x="{_p((i + 0.5) * step)}" y="{_OVERVIEW + 4}"'
        parts.append(f'<text class="below {wide}" {place}>{markup(text)}</text>')
    longest = max((min(len(name), _NAME) for name in names), default=0)
    whole = _OVERVIEW + (round(longest * _LETTER) + 6 if names else 0)
    size = (
        f'plot few" width="{len(ranges) * _FEW_WIDTH}"' if len(ranges) <= _FEW else f'plot {wide}"'
    )
    return (
        f'<svg class="{size} role="img" height="{whole}">'
        f"<title>{markup(title)}</title><desc>{markup(about)}</desc>{''.join(parts)}</svg>"
    )


def overview_axis(axis: LogAxis, off: bool) -> str:
    """Return the scale that stands left of an overview; `off` names the strip under it."""
    foot = _OVERVIEW - _GUTTER
    parts = []
    for decade in axis.ticks(7):
        y = foot - (decade - axis.low) / axis.decades * foot
        y = min(max(y + 4, 10), foot)
        parts.append(_label(46, y, "end tick", f"1e{decade}"))
    if off:
        parts.append(_label(46, _OVERVIEW - _GUTTER // 2 + 4, "end bad", "less"))
    size = f'width="52" height="{_OVERVIEW}"'
    return f'<svg class="scale" aria-hidden="true" {size}>{"".join(parts)}</svg>'


def range_bar(found: Spread, eps: float, axis: LogAxis) -> str:
    """Return a layer's range as a small bar for a table, as decoration beside the numbers."""
    left = 8.0

    def place(value: float) -> float:
        at = axis.place(value)
        return left if at is None else left + at * (_BAR - left - 2)

    low, middle, high, split = place(found.low), place(found.median), place(found.high), place(eps)
    shown = axis.place(eps) is not None
    parts = f'<path class="eps" d="M{_r(split)} 1V15"/>' if shown else ""
    if low < split:
        parts += f'<path class="span bad" d="M{_r(low)} 8H{_r(min(split, high))}"/>'
    if high > split:
        parts += f'<path class="span" d="M{_r(max(low, split))} 8H{_r(max(high, low + 0.1))}"/>'
    if axis.place(found.low) is None:
        parts += '<circle class="off" cx="4" cy="8" r="3"/>'
    parts += f'<path class="now" d="M{_r(middle)} 3V13"/>'
    return f'<svg class="range" aria-hidden="true" width="{_BAR}" height="16">{parts}</svg>'


def _image(title: str, about: str, parts: str) -> str:
    return (
        f'<svg class="fig" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"<title>{markup(title)}</title><desc>{markup(about)}</desc>{parts}</svg>"
    )


def _label(x: float, y: float, kind: str, text: str) -> str:
    """Text at a place; `kind` says how it is aligned and what it is."""
    shown = f' class="{kind}"' if kind else ""
    return f'<text x="{_r(x)}" y="{_r(y)}"{shown}>{markup(text)}</text>'


def _r(value: float) -> str:
    """Return a coordinate in tenths."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _p(value: float) -> str:
    """Return a place in percent."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"
