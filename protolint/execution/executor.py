"""A net in one state, with its memory, run pass after pass.

Blobs are float32 arrays. A layer that works in place writes into the array of its bottom, and
layers that share memory in Caffe (Split, Flatten, Reshape) give views of it, so that whatever
overwrites a blob there does so here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from protolint.errors import UsageError
from protolint.execution import (
    activations,
    alignment,
    convolution,
    data,
    detection,
    forks,
    losses,
    multibox,
    norms,
    pooling,
    python,
    recurrent,
    ristretto,
    structure,
)
from protolint.execution.data import random_input
from protolint.execution.step import Array, ExecutionError, Function, Step
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.layers.states import NetState
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.suggest import did_you_mean
from protolint.text.tree import Scalar

__all__ = ["FUNCTIONS", "Before", "Executor", "function_of", "name_of", "view_of"]

#: Called with a layer and its bottoms.
Before = Callable[[Layer, Sequence[Array]], None]

_FAMILIES = (
    activations, alignment, convolution, data, detection, forks, losses, multibox, norms,
    pooling, python, recurrent, ristretto, structure,
)  # fmt: skip
#: What runs a layer, by its type, a Python layer's class or an old fork's word.
FUNCTIONS: dict[str, Function] = {
    name: function for family in _FAMILIES for name, function in family.FUNCTIONS.items()
}
_SEED = 20171107
#: Layers without a bottom that need no data.
_CONSTANTS = frozenset(("DummyData", "Parameter"))


def function_of(layer: Layer) -> Function | None:
    """Return what runs a layer; None for a type, or a Python layer's class, that is not run."""
    return FUNCTIONS.get(name_of(layer))


def name_of(layer: Layer) -> str:
    """Return what a layer runs as: its type; the class of a Python layer; a V1 fork's own word."""
    param = layer.parameter("python_param") if layer.type == "Python" else None
    if param is not None:
        return f"{param.text('module')}.{param.text('layer')}"
    if layer.generation == 1 and not layer.type:
        written = (node for node in layer.node.children if node.name == "type")
        return next((node.raw for node in written if isinstance(node, Scalar)), "")
    return layer.type


def view_of(net: Net, state: NetState) -> View:
    """Return the net in a state, whether it is one that the net is meant for or not."""
    same = (view for view in net.views if view.state == state)
    found = next(same, None)
    return found if found is not None else View(state, net.layers, net.inputs)


def _input_shapes(net: Net, view: View) -> dict[str, Shape]:
    """Return the shapes of what no layer writes, by the blob's name."""
    known = shapes(net, view)
    found = dict.fromkeys(net.inputs, UNKNOWN)
    found |= {version.name: known.get(version, UNKNOWN) for version in view.inputs}
    for versions in view.bottoms.values():
        for version in versions:
            if version is not None and version.producer is None:
                found[version.name] = known.get(version, UNKNOWN)
    return found


class Executor:
    """A net with weights in one state.

    `parameters` holds the blobs of each layer that has some, by the layer's name, as they are
    now: TRAIN passes change the statistics of a BatchNorm. They are copies of the weights. With
    `stored_statistics` every BatchNorm uses what it stored, as if it did not say otherwise.
    """

    def __init__(
        self,
        net: Net,
        weights: Mapping[str, Sequence[Array]],
        state: NetState,
        *,
        seed: int = _SEED,
        stored_statistics: bool = False,
    ) -> None:
        self.net = net
        self.view = view_of(net, state)
        #: Every blob that is written so far, by its name.
        self.blobs: dict[str, Array] = {}
        self.parameters: dict[str, list[Array]] = {}
        random = np.random.default_rng(seed)
        self._random = random
        self._shapes = _input_shapes(net, self.view)
        shared: dict[str, Array] = {}
        self._steps: list[Step] = []
        for layer in self.view.layers:
            given = [np.array(blob, np.float32) for blob in weights.get(layer.name, ())]
            blobs = _shared(layer, given, shared)
            if blobs:
                self.parameters[layer.name] = blobs
            step = Step(net, self.view, layer, layer.runs_as(state), random, blobs)
            step.stored_statistics = stored_statistics
            self._steps.append(step)

    @property
    def inputs(self) -> dict[str, Shape]:
        """What has to be given, or is random, by its name: the net's inputs and its data."""
        found = dict(self._shapes)
        for step in self._steps:
            if not step.layer.bottoms and step.layer.type not in _CONSTANTS:
                for i, top in enumerate(step.layer.tops):
                    found[top.name] = step.top_shape(i)
        return found

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the net once, and return every blob by its name, as the last layer leaves it.

        See `passing`.
        """
        self.require(inputs)
        for _ in self.passing(inputs):
            pass
        return self.blobs

    def require(self, given: Collection[str]) -> None:
        """Raise ExecutionError for a layer that cannot be run and whose tops are not given."""
        for step in self._steps:
            if function_of(step.layer) is None and not _tops(step.layer) <= set(given):
                raise _unknown(step)

    def passing(self, inputs: Mapping[str, Array], before: Before | None = None) -> Iterator[Layer]:
        """Run the net once, and yield each layer when it has run; `blobs` is as it is then.

        `inputs` are inputs of the net and tops of layers without a bottom, or of a type that is
        not run; what is not given is made by its layer, or random. `before` is called with each
        layer and its bottoms before it runs. Raises ExecutionError where a layer cannot be run
        with what it gets, UsageError for an input that the net does not have or not in such a
        shape.
        """
        given = {name: np.array(value, np.float32, order="C") for name, value in inputs.items()}
        self._check(given)
        blobs = self.blobs = self._inputs(given)
        for step in self._steps:
            layer = step.layer
            missing = next((b.name for b in layer.bottoms if b.name not in blobs), None)
            if missing is not None:
                raise step.error(f"nothing writes its bottom '{missing}'")
            step.bottoms = [blobs[bottom.name] for bottom in layer.bottoms]
            if before is not None:
                before(layer, step.bottoms)
            names = [top.name for top in layer.tops]
            function = function_of(layer)
            free = not layer.bottoms or function is None
            if names and free and all(name in given for name in names):
                values = [given[name] for name in names]
            elif function is None:
                raise _unknown(step)
            else:
                values = _run(step, function)
                if not layer.bottoms:
                    values = [given.get(n, v) for n, v in zip(names, values, strict=False)]
            self._place(step, names, values)
            yield layer

    def _place(self, step: Step, names: Sequence[str], values: Sequence[Array]) -> None:
        """Put values under their names, into the memory of the bottom for a layer in place."""
        if len(values) < len(names):
            raise step.error(f"gives only {len(values)} of its {len(names)} tops")
        blobs, bottoms = self.blobs, {bottom.name for bottom in step.layer.bottoms}
        for name, value in zip(names, values, strict=False):
            value = np.ascontiguousarray(value, np.float32).reshape(np.shape(value))
            if name in bottoms and blobs[name].shape == value.shape:
                if blobs[name] is not value:
                    blobs[name][...] = value
            else:
                blobs[name] = value

    def _check(self, given: Mapping[str, Array]) -> None:
        """Raise UsageError for data that goes nowhere, or has other axes or channels."""
        known = self.inputs
        for step in self._steps:
            if not step.layer.bottoms or function_of(step.layer) is None:
                known.update((t.name, step.top_shape(i)) for i, t in enumerate(step.layer.tops))
        for name, values in given.items():
            shape = known.get(name, UNKNOWN)
            wrong = shape.axes is not None and shape.axes != values.ndim
            if wrong or (values.ndim > 1 and shape.channels not in (None, values.shape[1])):
                raise UsageError(
                    f"{self.net.source.path}: the data for '{name}' is"
                    f" {'x'.join(map(str, values.shape)) or 'one value'}, and the net says {shape}"
                )
            if name not in known:
                raise UsageError(
                    f"{self.net.source.path}: the net has no input '{name}'"
                    f"{did_you_mean(name, known)}; it has {', '.join(known) or 'none'}"
                )

    def _inputs(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Return the net's own inputs; random values for one that is not given."""
        found = {}
        for name, shape in self._shapes.items():
            if name in given:
                found[name] = given[name]
            elif shape.values is None:
                raise UsageError(
                    f"{self.net.source.path}: the net says no shape for its input '{name}'; give"
                    " it with --data"
                )
            else:
                found[name] = random_input(self._random, tuple(size or 0 for size in shape.dims))
        return found


def _tops(layer: Layer) -> set[str]:
    return {top.name for top in layer.tops}


def _unknown(step: Step) -> ExecutionError:
    """Return the error of a layer whose type cannot be run."""
    layer = step.layer
    name = layer.type or name_of(layer)
    hint = "" if name in ALL_TYPES else did_you_mean(name, FUNCTIONS)
    tops = ", ".join(f"'{top.name}'" for top in layer.tops)
    return ExecutionError(
        f"{step.net.source.path}: layer '{layer.name}' is of type '{name}', which cannot be"
        f" run{hint}" + (f"; give {tops} with --data inputs.npz" if tops else "")
    )


def _run(step: Step, function: Function) -> list[Array]:
    """Run one layer; what NumPy refuses is an error of the layer."""
    try:
        with np.errstate(all="ignore"):
            return function(step)
    except (ValueError, IndexError) as error:
        shapes = ", ".join("x".join(map(str, bottom.shape)) for bottom in step.bottoms)
        raise step.error(f"does not fit its bottoms of {shapes}: {error}") from None
    except MemoryError as error:
        raise step.error(f"needs more memory than there is: {error}") from None


def _shared(layer: Layer, blobs: list[Array], known: dict[str, Array]) -> list[Array]:
    """Return the blobs of a layer, with those that a `param` names shared with earlier layers.

    The last layer that a file has values for gives them to all.
    """
    names = [param.name for param in layer.params]
    if layer.generation == 1:
        names = list(layer.message.texts("param"))
    found = []
    for i, blob in enumerate(blobs):
        name = names[i] if i < len(names) else ""
        owner = known.setdefault(name, blob) if name else blob
        if owner.size == blob.size:
            owner[...] = blob.reshape(owner.shape)
        found.append(owner)
    return found
