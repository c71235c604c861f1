"""One layer, whatever generation of the format it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

from protolint.caffe.batchnorm import NormParam
from protolint.caffe.binder import Message
from protolint.caffe.legacy import V0_TYPES, V1_TYPES
from protolint.layers.states import NetState, StateRule
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.text.tree import Block, Scalar

__all__ = ["BlobName", "Layer", "ParamSpec"]

_NOTHING = NormParam()


class BlobName(NamedTuple):
    """A `bottom` or `top` of a layer, and where it is written: a field of a message, the `at`th."""

    name: str
    message: Message
    field: str
    at: int

    @property
    def node(self) -> Scalar | Block:
        """The field."""
        return self.message.node_at(self.field, self.at)

    @property
    def span(self) -> Span:
        """The bytes of the whole `bottom: "..."` field."""
        return self.node.span


class ParamSpec(NamedTuple):
    """One `param` block: multipliers of the blob at the same index, and a sharing name.

    A block that leaves a multiplier out has it at 1 (ParamSpec in caffe.proto).
    """

    message: Message
    name: str
    lr_mult: float
    decay_mult: float

    @property
    def span(self) -> Span:
        """The bytes of the whole block."""
        node = self.message.node
        return node.span if node is not None else Span(0, 0)


class Layer:
    """A layer as current Caffe would see it.

    `message` is the LayerParameter, or the V1LayerParameter of the old form. A V0 layer
    keeps its own fields in `message.message("layer")`; `padding` is the pad of a V0 padding
    layer that is merged into this one.
    """

    __slots__ = (
        "_batchnorm", "_bottoms", "_params", "_tops", "bottom_names", "exclude", "generation",
        "include", "index", "message", "name", "node", "padding", "top_names", "type",
    )  # fmt: skip

    def __init__(self, message: Message, node: Block, *, legacy: bool) -> None:
        #: Which of its net's layers it is.
        self.index = -1
        self.message = message
        self.node = node
        self.bottom_names = message.texts("bottom")
        self.top_names = message.texts("top")
        self._bottoms: list[BlobName] | None = None
        self._tops: list[BlobName] | None = None
        given = message.given
        self.include = _rules(message, "include") if "include" in given else ()
        self.exclude = _rules(message, "exclude") if "exclude" in given else ()
        self._params: list[ParamSpec] | None = None
        self._batchnorm: NormParam | None = None
        self.padding = 0
        inner = message.message("layer") if legacy else None
        if inner is not None:
            self.generation = 0
            self.name, old = inner.text("name"), inner.text("type")
            self.type = V0_TYPES.get(old, old)
            return
        self.generation = 1 if legacy else 2
        name, kind = message.texts("name"), message.texts("type")
        self.name = name[0] if name else ""
        written = kind[0] if kind else ""
        self.type = V1_TYPES.get(written, written) if legacy else written

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.type!r})"

    @property
    def bottoms(self) -> list[BlobName]:
        """The blobs that it reads, and where they are written; most are asked for by name alone."""
        if self._bottoms is None:
            self._bottoms = _blobs(self.message, "bottom", self.bottom_names)
        return self._bottoms

    @property
    def tops(self) -> list[BlobName]:
        """The blobs that it makes, and where they are written."""
        if self._tops is None:
            self._tops = _blobs(self.message, "top", self.top_names)
        return self._tops

    def read(self, bottoms: list[BlobName]) -> None:
        """Read other bottoms than those that are written in the layer."""
        self._bottoms = bottoms
        self.bottom_names = [bottom.name for bottom in bottoms]

    @property
    def type_node(self) -> Scalar | Block | None:
        """Where the type is written, or None."""
        inner = self.message if self.generation else self.message.message("layer")
        return None if inner is None else inner.node_of("type")

    @property
    def params(self) -> list[ParamSpec]:
        """The `param` blocks in order; none for the old forms, whose layers have no BatchNorm."""
        if self._params is None:
            given = self.message.messages("param") if self.generation == 2 else []
            self._params = [
                ParamSpec(m, m.text("name"), m.number("lr_mult"), m.number("decay_mult"))
                for m in given
            ]
        return self._params

    @property
    def batchnorm(self) -> NormParam:
        """What the layer's batch_norm_param says; nothing where there is none."""
        if self._batchnorm is None:
            self._batchnorm = _norm_param(self.parameter("batch_norm_param"), self.message)
        return self._batchnorm

    def parameter(self, field: str) -> Message | None:
        """Return a parameter message such as `batch_norm_param`, or None where it is not given."""
        return self.message.message(field)

    @property
    def head(self) -> Span:
        """What opens the layer: the place of a finding about something that is missing."""
        return self.node.head_span

    def anchor(self, field: str) -> Span:
        """Return what opens a parameter message if it is given, else what opens the layer."""
        parameter = self.parameter(field)
        node = parameter.node if parameter is not None else None
        return node.head_span if node is not None else self.head

    def is_in_place(self) -> bool:
        """Whether some top is the bottom at the same index."""
        return any(map(eq, self.bottom_names, self.top_names))

    def is_kept(self, state: NetState) -> bool:
        """Whether the include and exclude rules leave the layer in a state.

        Both kinds in one layer abort in Caffe; the includes are followed then.
        """
        if self.include:
            return any(rule.is_met(state) for rule in self.include)
        return not any(rule.is_met(state) for rule in self.exclude)

    def runs_as(self, state: NetState) -> str:
        """Return the phase the layer itself runs in: its own `phase` field wins over the net's."""
        return self.message.text("phase") if "phase" in self.message else state.phase


def _blobs(message: Message, field: str, names: Sequence[str]) -> list[BlobName]:
    return [BlobName(name, message, field, i) for i, name in enumerate(names)]


def _rules(message: Message, field: str) -> tuple[StateRule, ...]:
    return tuple(map(StateRule.read, message.messages(field)))


def _norm_param(message: Message | None, layer: Message) -> NormParam:
    """Return the values of a layer's batch_norm_param; None is a layer without one.

    A layer of Intel's Caffe may name the engine in a field of its own, which counts where the
    parameter names none (LayerParameter.engine, layer_factory.cpp @ intel/caffe 1.1.6).
    """
    outer = layer.text("engine") if "engine" in layer else None
    if message is None:
        return _NOTHING if outer is None else NormParam(engine=outer)
    engine = message.text("engine") if "engine" in message else None

    def flag(field: str) -> bool | None:
        return message.flag(field) if field in message else None

    def number(field: str) -> float | None:
        return message.number(field) if field in message else None

    return NormParam(
        use_global_stats=flag("use_global_stats"),
        fraction=number("moving_average_fraction"),
        eps=number("eps"),
        scale_bias=flag("scale_bias"),
        engine=outer or engine if engine in (None, "DEFAULT") else engine,
        scale_filler="scale_filler" in message,
        bias_filler="bias_filler" in message,
        use_weight_bias=flag("use_weight_bias"),
        bias_term=flag("bias_term"),
    )
