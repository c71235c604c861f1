"""A diagram as one SVG image: text in it, a description beside it, dark where the page is."""

from __future__ import annotations

from protolint.diagnostic import Severity
from protolint.picture.diagram import Arrow, Box, Diagram
from protolint.picture.place import LINE, Placed, Point, placed
from protolint.shown import markup
from protolint.words import counted, joined

__all__ = ["STYLE", "svg"]

_MARGIN = 24.0
_RADIUS = 5
_HEAD = (
    '<marker id="{}-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path class="head" d="M0 0.8 8 4 0 7.2z"/></marker>'
)
#: The style sheet in each picture, for a page that lists what it lets in.
STYLE = """
.net { font: 11px system-ui, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; }
.net .page { fill: #fbfbfa; }
.net text { fill: #1c2127; }
.net .quiet { fill: #58626e; }
.net .title { font-weight: 600; }
.net .box { fill: #fff; stroke: #8a939c; }
.net .data { fill: #e8eff6; }
.net .error { stroke: #b3261e; stroke-width: 2; }
.net .warning { stroke: #b36b00; stroke-width: 2; }
.net .info { stroke: #2f6da8; stroke-width: 2; }
.net .arrow { fill: none; stroke: #6d7782; }
.net .head { fill: #6d7782; }
.net .shape { font-size: 9.5px; fill: #58626e; }
.net .shape { stroke: #fbfbfa; stroke-width: 3px; paint-order: stroke; }
.net .box ~ text { text-anchor: middle; }
.net .mark { font-weight: 600; font-size: 10px; }
@media (prefers-color-scheme: dark) {
  .net .page { fill: #14171a; }
  .net text { fill: #e5e8eb; }
  .net .quiet, .net .shape { fill: #a0aab4; }
  .net .shape { stroke: #14171a; }
  .net .box { fill: #1b1f23; stroke: #5d6873; }
  .net .data { fill: #202c38; }
  .net .error { stroke: #ff948a; }
  .net .warning { stroke: #f0bd62; }
  .net .info { stroke: #79b0e3; }
}
"""


def svg(diagram: Diagram, name: str = "net", *, styled: bool = True) -> str:
    """Return the diagram as an SVG document.

    Args:
        diagram: What to draw.
        name: What ids in it begin with, for a page with several.
        styled: Whether the style sheet is in it; else STYLE belongs on the page.

    Raises UsageError where grandalf, of the extra `picture`, is not installed.
    """
    places = placed(diagram)
    width, height = places.width + 2 * _MARGIN, places.height + 2 * _MARGIN + LINE
    shown = "".join(
        _box(box, corner, size)
        for box, corner, size in zip(diagram.boxes, places.corners, places.sizes, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" role="img" width="{_r(width)}" '
        f'height="{_r(height)}" viewBox="{_r(-_MARGIN)} {_r(-_MARGIN - LINE)} {_r(width)} '
        f'{_r(height)}">\n<title>{markup(diagram.title)}</title>\n<desc>{markup(_description(diagram))}</desc>'
        f"\n{f'<style>{STYLE}</style>' if styled else ''}\n"
        f"<defs>{_HEAD.format(name)}</defs>\n"
        f'<rect class="page" x="{_r(-_MARGIN)}" y="{_r(-_MARGIN - LINE)}" width="100%" '
        f'height="100%"/>\n{_arrows(diagram, places, name)}{shown}</svg>\n'
    )


def _description(diagram: Diagram) -> str:
    """Return the net in words: each box with what it reads."""
    reads: dict[int, list[str]] = {}
    for arrow in diagram.arrows:
        reads.setdefault(arrow.end, []).append(diagram.boxes[arrow.start].title)
    parts = [f"{counted(len(diagram.boxes), 'box', 'boxes')}."]
    for number, box in enumerate(diagram.boxes):
        source = f", reads {joined(list(dict.fromkeys(reads[number])))}" if number in reads else ""
        codes = ", ".join(dict.fromkeys(finding.code for finding in box.findings))
        parts.append(f"{box.title}: {', '.join(box.lines)}{source}{f' ({codes})' * bool(codes)}.")
    return " ".join(parts)


def _box(box: Box, corner: Point, size: Point) -> str:
    (x, y), (width, height) = corner, size
    kinds = ["box", *(["data"] * (not box.layers or not box.layers[0].bottoms))]
    kinds += [box.severity.value] if isinstance(box.severity, Severity) else []
    names = ", ".join(layer.name for layer in box.layers) or box.title
    about = "; ".join([names, *(f"{f.code}: {f.message}" for f in box.findings)])
    middle = x + width / 2
    texts = "".join(
        f'<text class="{kind}" x="{_r(middle)}" y="{_r(y + 4 + LINE * (i + 1))}">'
        f"{markup(text)}</text>"
        for i, (kind, text) in enumerate([("title", box.title), *box.texts])
    )
    return (
        f'<g><title>{markup(about)}</title><rect class="{" ".join(kinds)}" x="{_r(x)}" y="{_r(y)}" '
        f'width="{_r(width)}" height="{_r(height)}" rx="{_RADIUS}"/>{texts}</g>\n'
    )


def _arrows(diagram: Diagram, places: Placed, name: str) -> str:
    parts = []
    named: set[tuple[int, str]] = set()
    for arrow, points in zip(diagram.arrows, places.arrows, strict=True):
        path = "M" + " ".join(f"{_r(x)} {_r(y)}" for x, y in points)
        parts.append(f'<path class="arrow" d="{path}" marker-end="url(#{name}-head)"/>')
        if (arrow.start, arrow.blob) not in named:  # once, below the box that makes it
            named.add((arrow.start, arrow.blob))
            parts.append(_shape(arrow, points[0], len([n for n in named if n[0] == arrow.start])))
    return "\n".join(parts) + "\n"


def _shape(arrow: Arrow, start: Point, number: int) -> str:
    x, y = start[0] + 4, start[1] + 1 + 10 * number
    return f'<text class="shape" x="{_r(x)}" y="{_r(y)}">{markup(str(arrow.shape))}</text>'


def _r(value: float) -> str:
    """Return a coordinate in tenths."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
