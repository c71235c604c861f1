"""BatchNorm of every Caffe in TRAIN and TEST, and the other layers that scale what they read.

Sources: batch_norm_layer.cpp @ BVLC master, NVIDIA v0.15.14 and v0.17.4, and
cudnn_batch_norm_layer.cu of the latter two; scale_layer.cpp, bias_layer.cpp, lrn_layer.cpp,
mvn_layer.cpp @ BVLC master; lrn_map_layer.cpp @ BVLC 42b832c; normalize_layer.cpp @ NVIDIA v0.17.4
and happynear/caffe-windows 967eedf; bn_layer.cpp @ yjxiong/caffe 9831a2b.
"""

from __future__ import annotations

import numpy as np

from protolint.batchnorm.base import DEFAULT_FRACTION, Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.caffe.batchnorm import BatchNormKind
from protolint.execution.pooling import average
from protolint.execution.step import Array, Function, Step
from protolint.layers.window import Window

__all__ = ["FUNCTIONS"]

#: Once it clips, 0.15 keeps a variance between a quarter and four times of what it stored
#: (BN_VARIANCE_CLIP_CONST in batch_norm_layer.hpp @ v0.15.14).
_CLIP = np.float32(4)


def _batch_norm(step: Step) -> list[Array]:
    traits, bottom = step.net.traits(step.layer), step.bottom()
    kind, param = traits.kind, step.param("batch_norm_param")
    layout = LAYOUTS[kind.layout_of(affine=traits.affine)]
    if step.blobs and len(step.blobs) != len(layout.roles):
        raise step.error(
            f"the weights have {len(step.blobs)} blobs for it, and {step.dialect.title} has"
            f" {len(layout.roles)}; protolint convert makes weights for another Caffe"
        )
    values = _channels_on_axis_one(bottom)
    channels = values.shape[1]
    ones = (Role.FACTOR, Role.RESERVED)
    blobs = {
        role: step.blob(i, (1 if role in ones else channels,))
        for i, role in enumerate(layout.roles)
    }
    stored = step.tests
    if not kind.ignores_global_stats and "use_global_stats" in param:
        stored = param.flag("use_global_stats")
    stored = stored or step.stored_statistics
    eps = np.float32(kind.eps.effective(param.number("eps") if "eps" in param else None))
    if stored:
        mean, variance = _stored(kind, blobs)
    else:
        mean, variance = _batch(values)
        fraction = param.number("moving_average_fraction")
        if "moving_average_fraction" not in param:
            fraction = DEFAULT_FRACTION
        _store(step, kind, blobs, (mean, variance, eps), fraction)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind.sums:
            top = (values - mean[:, None]) / np.sqrt(variance + eps)[:, None]
        else:
            top = (values - mean[:, None]) * ((variance + eps) ** np.float32(-0.5))[:, None]
    if traits.affine:
        top = top * blobs[Role.GAMMA][:, None] + blobs[Role.BETA][:, None]
    return [top.reshape(bottom.shape)]


def _channels_on_axis_one(bottom: Array) -> Array:
    """Return a view (N, C, places); a bottom of one axis has one channel."""
    channels = bottom.shape[1] if bottom.ndim > 1 else 1
    return bottom.reshape(len(bottom), channels, -1)


def _batch(values: Array) -> tuple[Array, Array]:
    """Return the mean and the biased variance of each channel of (N, C, places)."""
    mean = np.asarray(np.mean(values, (0, 2), np.float64), np.float32)
    squares = (values - mean[:, None]) ** 2
    return mean, np.asarray(np.mean(squares, (0, 2), np.float64), np.float32)


def _stored(kind: BatchNormKind, blobs: dict[Role, Array]) -> tuple[Array, Array]:
    """Return the mean and variance that a layer has; sums are divided by their factor."""
    mean, variance = blobs[Role.MEAN], blobs[Role.SPREAD]
    if not kind.sums:
        return mean, variance
    factor = blobs[Role.FACTOR][0]
    share = np.float32(0) if factor == 0 else np.float32(1) / factor
    return mean * share, variance * share


def _store(
    step: Step,
    kind: BatchNormKind,
    blobs: dict[Role, Array],
    batch: tuple[Array, Array, np.float32],
    fraction: float,
) -> None:
    """Put the mean and variance of a batch into the blobs, as the kind does."""
    mean, variance, eps = batch
    count = step.bottom().size // len(mean)
    passes = step.memory.get("passes", 0) + (not step.tests)
    step.memory["passes"] = passes
    clips_after = kind.clips_variance_after
    if clips_after is not None and passes > clips_after:
        above = blobs[Role.SPREAD] + np.mean(np.abs(blobs[Role.SPREAD]), dtype=np.float32)
        variance[:] = np.minimum(variance, _CLIP * above)
        variance[:] = np.maximum(variance, blobs[Role.SPREAD] / _CLIP)
    kept = variance + eps if kind.averages_eps else variance
    if kind.averages_unbiased:
        kept = kept * np.float32(count / max(count - 1, 1))
    old, new = np.float32(fraction), np.float32(1 - fraction)
    if kind.sums:
        blobs[Role.FACTOR] *= old
        blobs[Role.FACTOR] += 1
        new = np.float32(1)
    elif passes <= (kind.batch_kept_at_fraction_one or 0):
        old, new = np.float32(0), np.float32(1)
    for role, values in ((Role.MEAN, mean), (Role.SPREAD, kept)):
        if old == 0:
            blobs[role][:] = values
        else:
            blobs[role][:] = old * blobs[role] + new * values


def _bn(step: Step) -> list[Array]:
    """Run a BN of SegNet (two blobs), or of yjxiong and PSPNet (four)."""
    bottom, values = step.bottom(), _channels_on_axis_one(step.bottom())
    gamma, beta = (step.blob(i, (values.shape[1], 1)) for i in (0, 1))
    given = step.foreign("bn_param")
    if len(step.blobs) == 4:
        mean, variance = kept = [step.blob(i, (values.shape[1], 1)) for i in (2, 3)]
        if not (step.tests or step.stored_statistics or given.flag("frozen")):
            mean, variance = (one[:, None] for one in _batch(values))
            share = np.float32(given.number("momentum", 0.9))
            for old, new in zip(kept, (mean, variance), strict=True):
                old[...] = share * old + (1 - share) * new
        values = (values - mean) / np.sqrt(variance + np.float32(given.number("eps", 1e-5)))
    elif given.text("bn_mode", "LEARN") == "LEARN":
        mean, variance = (one[:, None] for one in _batch(values))
        values = (values - mean) / np.sqrt(variance + np.float32(1e-9))
    return [(values * gamma + beta).reshape(bottom.shape)]


def _factor(step: Step, name: str, blob: int) -> Array:
    """Return the second bottom, or else a blob, in a shape that goes with the first bottom."""
    param, bottom = step.param(name), step.bottom()
    start = step.axis(param.integer("axis")) if bottom.ndim else 0
    if len(step.bottoms) > 1:
        dims = step.bottom(1).shape
        if dims != bottom.shape[start : start + len(dims)]:
            raise step.error(f"its second bottom {dims} does not fit {bottom.shape}")
    else:
        axes = param.integer("num_axes")
        dims = bottom.shape[start:] if axes == -1 else bottom.shape[start : start + axes]
    values = step.bottom(1) if len(step.bottoms) > 1 else step.blob(blob, dims)
    return values.reshape(*dims, *[1] * (bottom.ndim - start - len(dims)))


def _scale(step: Step) -> list[Array]:
    factor = _factor(step, "scale_param", 0)
    top = step.bottom() * factor
    if step.param("scale_param").flag("bias_term"):
        top += step.blob(0 if len(step.bottoms) > 1 else 1, factor.shape)
    return [top]


def _lrn(step: Step) -> list[Array]:
    param, bottom = step.param("lrn_param"), step.bottom()
    size = param.integer("local_size")
    alpha, beta, k = (np.float32(param.number(name)) for name in ("alpha", "beta", "k"))
    if size % 2 == 0:
        raise step.error("its local_size is even, and has to be odd")
    if param.text("norm_region") == "WITHIN_CHANNEL":
        return [_within(bottom, size, alpha, beta)]
    channels, half = bottom.shape[1], size // 2
    padded = np.pad(bottom * bottom, [(0, 0), (half, half), *[(0, 0)] * (bottom.ndim - 2)])
    total = np.zeros_like(bottom)
    for i in range(size):
        total += padded[:, i : i + channels]
    scale = k + alpha / np.float32(size) * total
    if beta == np.float32(0.75):
        # The usual power, which two square roots give much faster.
        return [bottom / (np.sqrt(scale) * np.sqrt(np.sqrt(scale)))]
    return [bottom * scale**-beta]


def _within(bottom: Array, size: int, alpha: np.float32, beta: np.float32) -> Array:
    """Return a blob, each value divided by what the mean square around it comes to."""
    window = Window(size, 1, (size - 1) // 2)
    near = average(bottom * bottom, [window, window], list(bottom.shape[2:]))
    result: Array = bottom * (1 + alpha * near) ** -beta
    return result


def _lrn_map(step: Step) -> list[Array]:
    """LRN within a channel, before it became one of LRN's two ways."""
    given = step.foreign("lrn_map_param")
    size = given.integer("local_size", 5)
    if size % 2 == 0:
        raise step.error("its local_size is even, and has to be odd")
    alpha, beta = np.float32(given.number("alpha", 1)), np.float32(given.number("beta", 0.75))
    return [_within(step.bottom(), size, alpha, beta)]


def _mvn(step: Step) -> list[Array]:
    param, bottom = step.param("mvn_param"), step.bottom()
    lead = 1 if param.flag("across_channels") else 2
    rows = bottom.reshape(*bottom.shape[:lead], -1)
    top = rows - rows.mean(-1, np.float64, keepdims=True).astype(np.float32)
    if param.flag("normalize_variance"):
        variance = np.mean(top * top, -1, np.float64, keepdims=True)
        top = top / (np.sqrt(variance) + param.number("eps")).astype(np.float32)
    return [top.reshape(bottom.shape)]


def _normalize(step: Step) -> list[Array]:
    """Divide by the length of each place's values, or of each item's."""
    if "norm_param" not in step.layer.message.type.fields:
        return _by_length(step)
    param, bottom = step.param("norm_param"), step.bottom()
    axes = tuple(range(1, bottom.ndim)) if param.flag("across_spatial") else (1,)
    squares = np.sum(bottom * bottom, axes, np.float64, keepdims=True) + param.number("eps")
    shared = param.flag("channel_shared")
    sizes = (1,) * bottom.ndim if shared else (1, bottom.shape[1], *[1] * (bottom.ndim - 2))
    return [bottom / np.sqrt(squares).astype(np.float32) * step.blob(0, sizes)]


def _by_length(step: Step) -> list[Array]:
    """Divide by the length of each place's values, and return the lengths too (happynear's)."""
    bottom = step.bottom().reshape(*step.bottom().shape, *[1] * (4 - step.bottom().ndim))
    kind = step.foreign("normalize_param").text("normalize_type", "L2")
    if kind not in ("L1", "L2"):
        raise step.error(f"its normalize_type {kind} is neither L1 nor L2")
    sizes = np.abs(bottom) if kind == "L1" else bottom * bottom
    length = sizes.sum(1, keepdims=True) + np.float32(1e-6)
    length = length if kind == "L1" else np.sqrt(length)
    return [bottom / length, length]


FUNCTIONS: dict[str, Function] = {
    "BatchNorm": _batch_norm,
    "Bias": lambda step: [step.bottom() + _factor(step, "bias_param", 0)],
    "BN": _bn,
    "LRN": _lrn,
    "LRN_MAP": _lrn_map,
    "MVN": _mvn,
    "Normalize": _normalize,
    "Scale": _scale,
}
