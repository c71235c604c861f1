"""A net in one state as a picture: boxes and arrows, as SVG or for Graphviz."""

from protolint.picture.diagram import Diagram, diagram
from protolint.picture.dot import dot
from protolint.picture.svg import svg

__all__ = ["Diagram", "diagram", "dot", "svg"]
