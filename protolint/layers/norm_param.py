"""What a batch_norm_param says, from text."""

from __future__ import annotations

from protolint.caffe.batchnorm import NormParam
from protolint.caffe.binder import Message

__all__ = ["norm_param"]

_NOTHING = NormParam()


def norm_param(message: Message | None, layer: Message) -> NormParam:
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
