"""Where the boxes of a diagram go: in ranks from top to bottom, in as many columns as fit a page.

The ranks, their order and the places in them are those of grandalf (Sugiyama's method). A long
net is cut where a single arrow crosses, and goes on at the top of the next column.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

from protolint.errors import UsageError
from protolint.picture.diagram import Box, Diagram

__all__ = ["Placed", "Point", "placed"]

#: x and y from the upper left corner, in pixels.
Point = tuple[float, float]

#: The height of a line of text, and about the width of a letter, in bold and else.
LINE, BOLD, LETTER = 15.0, 6.9, 6.3
_PADDING = 7.0
_ACROSS, _DOWN = 26.0, 34.0
_GUTTER = 48.0
#: Width to height of the page that is aimed at.
_PAGE = 1.3
#: A net that is no higher stays in one column.
_ONE_COLUMN = 1100.0


@dataclass(frozen=True)
class Placed:
    """The upper left corner and the size of each box, the corners of each arrow, and the page."""

    corners: tuple[Point, ...]
    sizes: tuple[Point, ...]
    arrows: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def placed(diagram: Diagram) -> Placed:
    """Return the places of a diagram's boxes and arrows.

    Raises UsageError where grandalf, of the extra `picture`, is not installed.
    """
    sizes = [_size(box) for box in diagram.boxes]
    points, routes = _ranked(diagram, sizes)
    return _in_columns(diagram, sizes, points, routes)


def _size(box: Box) -> Point:
    texts = [text for _, text in box.texts]
    width = max(len(box.title) * BOLD, *(len(text) * LETTER for text in texts), 60.0)
    return width + 2 * _PADDING, (len(texts) + 1) * LINE + 2 * _PADDING


def _ranked(diagram: Diagram, sizes: list[Point]) -> tuple[list[Point], list[list[Point]]]:
    """Return the middle of each box, and the corners of each arrow between two boxes."""
    try:
        graphs = importlib.import_module("grandalf.graphs")
        layouts = importlib.import_module("grandalf.layouts")
    except ImportError:
        raise UsageError(
            "a picture needs grandalf: pip install 'protolint-caffe[picture]' (--dot does not)"
        ) from None
    vertices = [graphs.Vertex(i) for i in range(len(sizes))]
    for vertex, (width, height) in zip(vertices, sizes, strict=True):
        vertex.view = layouts.VertexViewer(width, height)
    pairs = dict.fromkeys((arrow.start, arrow.end) for arrow in diagram.arrows)
    edges = {pair: graphs.Edge(vertices[pair[0]], vertices[pair[1]]) for pair in pairs}
    for edge in edges.values():
        edge.view = _Route()
    left = 0.0
    for component in graphs.Graph(vertices, list(edges.values())).C:
        left = _lay(layouts, component, left)
    points = [vertex.view.xy for vertex in vertices]
    return points, [list(edges[arrow.start, arrow.end].view.points) for arrow in diagram.arrows]


class _Route:
    """What grandalf gives the corners of an edge to."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.head_angle = 0.0

    def setpath(self, points: list[Point]) -> None:
        self.points = list(points)


def _lay(layouts: Any, component: Any, left: float) -> float:
    """Place one part of a net right of what is placed; return where it ends."""
    vertices = list(component.sV)
    if len(vertices) > 1:
        layout = layouts.SugiyamaLayout(component)
        layout.xspace, layout.yspace = _ACROSS, _DOWN
        layout.init_all(roots=[v for v in vertices if not v.e_in()])
        layout.draw(4)
    else:
        vertices[0].view.xy = vertices[0].view.w / 2, vertices[0].view.h / 2
    # What stands left and right: boxes, and arrows that go round them.
    sides = [(v.view.xy[0] - v.view.w / 2, v.view.xy[0] + v.view.w / 2) for v in vertices]
    sides += [(x, x) for edge in component.sE for x, _ in edge.view.points]
    first = min(left for left, _ in sides)
    moved = left - first
    for vertex in vertices:
        x, y = vertex.view.xy
        vertex.view.xy = x + moved, y
    for edge in component.sE:
        edge.view.points = [(x + moved, y) for x, y in edge.view.points]
    return max(float(right) for _, right in sides) + float(moved) + 2 * _ACROSS


def _in_columns(
    diagram: Diagram,
    sizes: list[Point],
    points: list[Point],
    routes: list[list[Point]],
) -> Placed:
    corners = [(x - w / 2, y - h / 2) for (x, y), (w, h) in zip(points, sizes, strict=True)]
    width = max((x + w for (x, _), (w, _) in zip(corners, sizes, strict=True)), default=0.0)
    height = max((y + h for (_, y), (_, h) in zip(corners, sizes, strict=True)), default=0.0)
    cuts = _cuts(diagram, corners, sizes, width, height)
    column = [sum(cut <= y for cut in cuts) for _, y in corners]
    tops = [0.0, *cuts]
    shift, lefts = [0.0] * len(tops), [0.0] * len(tops)
    at = 0.0
    for number in range(len(tops)):
        members = [i for i, one in enumerate(column) if one == number]
        across = [x for i in members for x in (corners[i][0], corners[i][0] + sizes[i][0])]
        across += [
            x
            for arrow, route in zip(diagram.arrows, routes, strict=True)
            if column[arrow.start] == column[arrow.end] == number
            for x, _ in route[1:-1]
        ]
        first, last = min(across, default=0.0), max(across, default=0.0)
        shift[number], lefts[number] = at - first, at
        at += last - first + _GUTTER
    corners = [
        (x + shift[number], y - tops[number])
        for (x, y), number in zip(corners, column, strict=True)
    ]
    arrows = []
    for arrow, route in zip(diagram.arrows, routes, strict=True):
        start, end = (corners[i] for i in (arrow.start, arrow.end))
        out = start[0] + sizes[arrow.start][0] / 2, start[1] + sizes[arrow.start][1]
        finish = end[0] + sizes[arrow.end][0] / 2, end[1]
        first, last = column[arrow.start], column[arrow.end]
        if first == last:
            between = [(x + shift[first], y - tops[first]) for x, y in route[1:-1]]
        else:
            low, gap = out[1] + _DOWN / 2, lefts[last] - _GUTTER / 2
            between = [(out[0], low), (gap, low), (gap, -_DOWN / 2), (finish[0], -_DOWN / 2)]
        arrows.append((out, *between, finish))
    low = max((y + h for (_, y), (_, h) in zip(corners, sizes, strict=True)), default=0.0)
    return Placed(tuple(corners), tuple(sizes), tuple(arrows), max(at - _GUTTER, 0.0), low)


def _cuts(
    diagram: Diagram,
    corners: list[Point],
    sizes: list[Point],
    width: float,
    height: float,
) -> list[float]:
    """Return the heights at which new columns begin: where one arrow alone goes down."""
    if height <= _ONE_COLUMN:
        return []
    wanted = max(round(math.sqrt(height * _PAGE / (width + _GUTTER))), 1)
    free = []
    for y in sorted({corner[1] for corner in corners})[1:]:
        crossing = {
            (arrow.start, arrow.blob)
            for arrow in diagram.arrows
            if corners[arrow.start][1] < y <= corners[arrow.end][1]
        }
        below = any(top < y < top + h for (_, top), (_, h) in zip(corners, sizes, strict=True))
        if len(crossing) == 1 and not below:
            free.append(y)
    cuts: list[float] = []
    for number in range(1, wanted):
        ideal = height * number / wanted
        best = min(free, key=lambda y: abs(y - ideal), default=None)
        if best is not None and best not in cuts:
            cuts.append(best)
    return sorted(cuts)
