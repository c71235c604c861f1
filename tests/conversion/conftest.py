"""Reading and converting text in one call, and what a net means, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from protolint.caffe.binder import Message
from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.conversion.decide.plan import Plan, PlanOptions, plan_net
from protolint.conversion.prove.text import new_faults
from protolint.conversion.text.net import converted
from protolint.layers.batchnorm import batchnorm_traits
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.source import Source
from protolint.workspace.reading import LintFile, Readings

SHARED = Path(__file__).resolve().parents[3] / "shared"

#: Every target of the converter: a dialect, and an engine where that changes the blobs.
TARGETS = (
    ("bvlc", None),
    ("nvidia-0.14", "CAFFE"),
    ("nvidia-0.14", "CUDNN"),
    ("nvidia-0.15", "CAFFE"),
    ("nvidia-0.15", "CUDNN"),
    ("nvidia-0.16", None),
    ("nvidia-0.17", None),
)

#: What only NVIDIA 0.16 and later know of precision and speed; no other Caffe misses it.
PRECISION = {
    "forward_type", "backward_type", "forward_math", "backward_math", "default_forward_type",
    "default_backward_type", "default_forward_math", "default_backward_math",
    "conv_algos_override", "cudnn_math_override", "cudnn_convolution_algo_seeker",
    "eltwise_mem_sharing", "debug", "engine", "threads", "parser_threads", "cache",
}  # fmt: skip


def read(text: str | bytes, dialect: str, *, cudnn: bool = True) -> LintFile:
    """Text as one dialect reads it."""
    data = text.encode() if isinstance(text, str) else text
    source = Source("net.prototxt", data)
    return Readings.of(source, Build(cudnn=cudnn)).read(DIALECTS[dialect])


def plan(file: LintFile, target: str, **choices: Any) -> Plan:
    """The plan for the net of a file."""
    return plan_net(file.nets[0], DIALECTS[target], PlanOptions(**choices))


def convert(file: LintFile, target: str, **choices: Any) -> LintFile:
    """The file as the target's, read by the target."""
    made = plan(file, target, **choices)
    assert not made.refusals, [str(refusal) for refusal in made.refusals]
    result = converted(file, made)
    faults = new_faults(file, result.data, DIALECTS[target])
    assert not faults, [str(fault) for fault in faults]
    return read(result.data, target, cudnn=file.build.cudnn)


class Meaning:
    """What a net computes and how it trains, whatever its blobs are called.

    Nothing of the converter helps to say it: what it gets wrong must not be wrong here too.

    For every state the layers by name, each with what it does and what it reads: the layer
    and the index of the top that the very version comes from.
    """

    def __init__(self, net: Net, *, scale_names: bool = True) -> None:
        self.net = net
        self.scale_names = scale_names
        self.states = {str(view.state): self._view(view) for view in net.views}

    def _view(self, view: View) -> dict[str, Any]:
        inputs = self._inputs(view)
        found: dict[str, Any] = {"": sorted(map(str, inputs.values()))}
        for layer in view.layers:
            if layer.type != "Input":
                reads = [self._origin(view, bottom, inputs) for bottom in view.bottoms[layer.index]]
                found[self._name(view, layer)] = (layer.type, self._does(view, layer), reads)
        outputs = (self._origin(view, version, inputs) for version in view.outputs.values())
        last = [o for v, o in zip(view.outputs.values(), outputs, strict=True) if not v.readers]
        found["outputs"] = sorted(map(str, last))
        return found

    def _inputs(self, view: View) -> dict[int, Any]:
        """Inputs by the id of their version, whether fields of the net or Input layers."""
        message = self.net.message
        shapes = [shape.integers("dim") for shape in message.messages("input_shape")]
        dims = message.integers("input_dim")
        shapes = shapes or [dims[i : i + 4] for i in range(0, len(dims) - 3, 4)]
        declared = dict(zip(self.net.inputs, shapes, strict=False))
        found = {}
        for layer in view.layers:
            for i, version in enumerate(view.tops[layer.index]):
                if layer.type == "Input":
                    param = layer.parameter("input_param")
                    given = param.messages("shape") if param is not None else []
                    dims = given[min(i, len(given) - 1)].integers("dim") if given else []
                    found[id(version)] = ("input", version.name, tuple(dims))
        read = [v for layer in view.layers for v in view.bottoms[layer.index]]
        for blob in (*read, *view.outputs.values()):
            if blob is not None and blob.producer is None:
                found[id(blob)] = ("input", blob.name, tuple(declared.get(blob.name, ())))
        return found

    def _origin(self, view: View, version: BlobVersion | None, inputs: dict[int, Any]) -> Any:
        if version is None:
            return None
        if id(version) in inputs:
            return inputs[id(version)]
        producer = version.producer
        assert producer is not None
        return (self._name(view, producer), view.tops[producer.index].index(version))

    def _name(self, view: View, layer: Layer) -> str:
        """A layer's name; where those of Scale layers do not count, what it reads instead."""
        if layer.type != "Scale" or self.scale_names or len(layer.bottoms) != 1:
            return layer.name
        bottom = view.bottoms[layer.index][0]
        assert bottom is not None
        return f"behind {bottom.producer.name if bottom.producer else bottom.name}"

    def _does(self, view: View, layer: Layer) -> Any:
        trains = layer.runs_as(view.state) == "TRAIN"
        if layer.type == "BatchNorm":
            return self._batchnorm(view, layer, trains)
        if layer.type == "Scale":
            return self._scale(layer, trains)
        skip = {"name", "type", "bottom", "top", "include", "exclude"}
        return _content(layer.message, skip)

    def _batchnorm(self, view: View, layer: Layer, trains: bool) -> Any:
        net, dialect = self.net, self.net.dialect
        traits = batchnorm_traits(layer, dialect, with_cudnn=net.build.cudnn)
        param = layer.parameter("batch_norm_param")
        fraction = param.number("moving_average_fraction") if param is not None else 0.999
        stored = not trains
        obeyed = not traits.kind.ignores_global_stats
        if obeyed and param is not None and "use_global_stats" in param:
            stored = param.flag("use_global_stats")
        given = param is not None and "eps" in param
        eps = traits.kind.eps.effective(
            param.number("eps") if param is not None and given else None
        )
        layout = traits.kind.layout_of(affine=traits.affine)
        found = [layout, traits.engine, traits.affine, eps, np.float32(fraction), stored]
        if trains:
            for index, role in enumerate(traits.blobs):
                if role in ("gamma", "beta"):
                    found.append(_effect(layer, index, fixed=dialect.forces_affine_multipliers))
            if traits.affine:
                zero = dialect.gamma_starts_at_zero
                found += [
                    _start(layer, "batch_norm_param", "scale_filler", 0 if zero else 1),
                    _start(layer, "batch_norm_param", "bias_filler", 0),
                ]
        return found

    def _scale(self, layer: Layer, trains: bool) -> Any:
        param = layer.parameter("scale_param")
        fields = ("axis", "num_axes")
        found: list[Any] = [param.integer(f) if param is not None else 1 for f in fields]
        found.append(param is not None and param.flag("bias_term"))
        if trains:
            found += [_effect(layer, index) for index in range(2 if found[-1] else 1)]
            found.append(_start(layer, "scale_param", "filler", 1))
            found.append(_start(layer, "scale_param", "bias_filler", 0))
        return found


def _effect(layer: Layer, index: int, *, fixed: bool = False) -> Any:
    """How a solver moves a blob: rate, decay, and the name it is shared by."""
    if index >= len(layer.params):
        return (1.0, 1.0, "")
    param = layer.params[index]
    if fixed:
        return (1.0, 1.0, param.name)
    return (param.lr_mult, param.lr_mult * param.decay_mult, param.name)


def _start(layer: Layer, parameter: str, field: str, default: int) -> Any:
    """What gamma or beta starts with."""
    param = layer.parameter(parameter)
    filler = param.message(field) if param is not None else None
    if filler is None:
        return float(default)
    return filler.number("value") if filler.text("type") == "constant" else _content(filler, set())


def _content(message: Message, skip: set[str]) -> Any:
    """Every field of a message that is not at its default."""
    found: dict[str, list[Any]] = {}
    for name, value, _ in message.items():
        field = message.type.fields[name]
        if name in skip or name in PRECISION:
            continue
        if isinstance(value, Message):
            found.setdefault(name, []).append(_content(value, set()))
        elif (name, value) != ("dilation", 1) and (field.repeated or value != field.default):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="session")
def tools() -> SimpleNamespace:
    """`read`, `plan`, `convert` and `meaning`, and the targets."""
    return SimpleNamespace(
        read=read, plan=plan, convert=convert, meaning=Meaning, targets=TARGETS, states=_states
    )


def _states(file: LintFile, **options: Any) -> dict[str, Any]:
    """What the net of a file means, in each of its states."""
    return Meaning(file.nets[0], **options).states


Convert = Callable[..., LintFile]


@pytest.fixture(scope="session")
def golden() -> Path:
    """Nets and weights made by real builds; skips where they are not beside the checkout."""
    folder = SHARED / "golden"
    if not folder.is_dir():
        pytest.skip("the golden vectors are not beside this checkout")
    return folder
