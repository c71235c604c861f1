"""A net in one state as a picture: boxes and arrows, as SVG or for Graphviz."""

from protolint.picture.diagram import Diagram, diagram
from protolint.picture.dot import dot
from protolint.picture.svg import STYLE, svg

__all__ = ["STYLE", "Diagram", "diagram", "dot", "svg"]
