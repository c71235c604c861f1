"""What a layer's function is given when it runs, and the error of a net that cannot be run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np

from protolint.caffe.binder import Message
from protolint.caffe.dialect import Dialect
from protolint.errors import ProtolintError
from protolint.layers.base import Setup
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.fields import place
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.net import TEST, Net
from protolint.net.view import View
from protolint.record import NamedTuple
from protolint.text.tree import Block, Scalar
from protolint.weights.blobs import Array

__all__ = ["Array", "ExecutionError", "Foreign", "Function", "Step", "sizes_of"]


class ExecutionError(ProtolintError):
    """A net that cannot be run: a type that is not known, or data and weights that do not fit."""


class Foreign(NamedTuple):
    """The fields of a message that no schema here has, by name, with their values as written."""

    step: Step
    name: str
    fields: dict[str, list[str]]

    def __contains__(self, field: object) -> bool:
        """Whether the field is given."""
        return field in self.fields

    def text(self, field: str, default: str = "") -> str:
        """Return the first value of a field."""
        return self.fields.get(field, [default])[0]

    def flag(self, field: str, *, default: bool = False) -> bool:
        """Return whether a field is true."""
        return self.text(field, str(default)).lower() in ("true", "1", "t")

    def number(self, field: str, default: float) -> float:
        """Return the number in a field; raises ExecutionError for another value."""
        try:
            return float(self.text(field, str(default)))
        except ValueError:
            raise self.step.error(f"{self.name}.{field} is no number") from None

    def integer(self, field: str, default: int) -> int:
        """Return the whole number in a field; raises ExecutionError for another value."""
        return int(self.number(field, default))


@dataclass(slots=True)
class Step:
    """One layer at work: its text, its bottoms, its learnable blobs, and what it remembers.

    `bottoms` and `blobs` are float32 and in C order; a function may write into `blobs`, and
    into a bottom only where Caffe does. `memory` lasts from pass to pass.
    """

    net: Net
    view: View
    layer: Layer
    phase: str
    random: np.random.Generator
    blobs: list[Array]
    bottoms: list[Array] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    #: Whether a BatchNorm uses what it stored, whatever it says itself.
    stored_statistics: bool = False

    @property
    def dialect(self) -> Dialect:
        """The Caffe that runs the net."""
        return self.net.dialect

    @property
    def tests(self) -> bool:
        """Whether the layer runs in phase TEST."""
        return self.phase == TEST

    def param(self, name: str) -> Message:
        """Return a parameter message, one of defaults where the layer gives none.

        A V0 layer has the fields of all its messages in one, which are put in their places.
        Raises ExecutionError where the schema has no such message.
        """
        given = self.layer.parameter(name)
        if given is not None:
            return given
        known = self.layer.message.type.fields.get(name)
        if known is None and self.layer.generation < 2:
            # What the old forms have no field for has its defaults after the upgrade.
            known = self.net.message.type.fields["layer"].message.fields.get(name)
        if known is None or known.kind != "message":
            raise self.error(f"the schema of {self.dialect.name} has no {name}")
        message = Message(known.message, None)
        if self.layer.generation == 0:
            for field in known.message.fields:
                inner, spelt = place(self.layer, name, field)
                if inner is not None and spelt in inner:
                    message.values[field] = inner.values[spelt]
        return message

    def foreign(self, name: str) -> Foreign:
        """Return a message of a fork that no schema here has, as it is written."""
        found: dict[str, list[str]] = {}
        for node in self.layer.node.children:
            if isinstance(node, Block) and node.name == name:
                for child in node.children:
                    if isinstance(child, Scalar):
                        found.setdefault(child.name, []).append(child.raw.strip("\"'"))
        return Foreign(self, name, found)

    def top_shape(self, i: int = 0) -> Shape:
        """Return the shape of a top, as the catalogue of layers has it; unknown for a fork's."""
        known = ALL_TYPES.get(self.layer.type)
        bottoms = [Shape.of(bottom.shape) for bottom in self.bottoms]
        setup = Setup(self.layer, bottoms, self.dialect)
        return UNKNOWN if known is None else known.shape(setup, i)

    def bottom(self, i: int = 0) -> Array:
        """Return a bottom; raises ExecutionError where there is none."""
        if i >= len(self.bottoms):
            raise self.error(f"needs {i + 1} bottoms and has {len(self.bottoms)}")
        return self.bottoms[i]

    def blob(self, i: int, shape: Sequence[int]) -> Array:
        """Return a learnable blob in a shape of as many values; raises ExecutionError."""
        if not self.blobs:
            raise self.error("no weights are given for a layer of this name")
        if i >= len(self.blobs):
            raise self.error(f"the weights have {len(self.blobs)} blobs for it, not {i + 1}")
        blob = self.blobs[i]
        if blob.size != prod(shape):
            have, want = (sizes_of(dims) for dims in (blob.shape, shape))
            raise self.error(f"blob {i} of the weights is {have}, and the net needs {want}")
        return blob.reshape(shape)

    def file(self, name: str) -> str | None:
        """Return the path of a file that the layer names, as it is or beside the net."""
        paths = (name, os.path.join(os.path.dirname(self.net.source.path), name))
        return next((path for path in paths if name and os.path.isfile(path)), None)

    def axis(self, axis: int, bottom: int = 0) -> int:
        """Return an axis of a bottom counted from the front (CanonicalAxisIndex in blob.hpp)."""
        axes = self.bottom(bottom).ndim
        if not -axes <= axis < axes:
            raise self.error(f"has no axis {axis} in a bottom of {axes}")
        return axis % axes

    def error(self, problem: str) -> ExecutionError:
        """Return the error of this layer."""
        return ExecutionError(
            f"{self.net.source.path}: layer '{self.layer.name}' ({self.layer.type}): {problem}"
        )


#: What runs a layer: the values of its tops, in order.
Function: TypeAlias = Callable[[Step], "list[Array]"]


def sizes_of(shape: Sequence[int]) -> str:
    """Return a shape as a message says it: `2x3x4`."""
    return "x".join(map(str, shape)) or "one value"
