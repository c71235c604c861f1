"""A net in one state as a picture: boxes and arrows, as SVG or for Graphviz."""

from protolint.picture.diagram import Diagram, diagram
from protolint.picture.svg import STYLE, svg

__all__ = ["STYLE", "Diagram", "diagram", "dot", "svg"]

_COLOURS = {"error": "#b3261e", "warning": "#8a5300", "info": "#2f6da8"}


def dot(diagram: Diagram) -> str:
    """Return the diagram as text for `dot`."""
    lines = [
        f"digraph {_quoted(diagram.title)} {{",
        '  node [shape=box, style=rounded, fontname="Helvetica", fontsize=10];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]
    for number, box in enumerate(diagram.boxes):
        label = "\n".join([box.title, *(text for _, text in box.texts)])
        colour = f', color="{_COLOURS[box.severity.value]}"' if box.severity is not None else ""
        lines.append(f"  n{number} [label={_quoted(label)}{colour}];")
    for arrow in diagram.arrows:
        label = _quoted(f"{arrow.blob}\n{arrow.shape}")
        lines.append(f"  n{arrow.start} -> n{arrow.end} [label={label}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    fit = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
    escaped = fit.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
