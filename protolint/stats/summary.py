"""What one row of a table says of a layer: the numbers of its channels in a few figures."""

from __future__ import annotations

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.record import NamedTuple
from protolint.workspace.thresholds import Thresholds

__all__ = ["Spread", "Summary", "summary_of"]

_DEFAULTS = Thresholds()


class Spread(NamedTuple):
    """The smallest, middle and largest of some values; NaN throughout where there are none.

    Values that are not finite are left out.
    """

    low: float
    median: float
    high: float


class Summary(NamedTuple):
    """The figures of one layer, over all its channels.

    Counts are of channels: `non_finite` have a NaN or an infinity somewhere, `negative` a
    variance below 0, `zero` one of exactly 0, `denormal` one below 2**-126, `near_zero` one
    from 0 to the threshold near_zero_variance (the two before included), `dead` one to eps (all of
    these included); `zero_gamma` have a gamma of 0. `gain` is gamma / sqrt(variance + eps)
    with its sign, `gain_size` the same without. `eps_share` is how much of the divided
    variance + eps is eps, 0 to 1: the mean over the channels, and `eps_most` the largest.
    """

    channels: int
    mean: Spread
    variance: Spread
    gamma: Spread
    beta: Spread
    gain: Spread
    gain_size: Spread
    eps: float
    eps_share: float
    eps_most: float
    dead: int
    near_zero: int
    denormal: int
    zero: int
    negative: int
    non_finite: int
    zero_gamma: int


def summary_of(numbers: Numbers, thresholds: Thresholds = _DEFAULTS) -> Summary:
    """Return the figures of a layer."""
    variance, share = numbers.variance, numbers.eps_share
    share = share[np.isfinite(share)]
    return Summary(
        channels=numbers.channels,
        mean=_spread(numbers.mean),
        variance=_spread(variance),
        gamma=_spread(numbers.gamma),
        beta=_spread(numbers.beta),
        gain=_spread(numbers.gain),
        gain_size=_spread(np.abs(numbers.gain)),
        eps=numbers.eps,
        eps_share=float(share.mean()) if share.size else float("nan"),
        eps_most=float(share.max()) if share.size else float("nan"),
        dead=int(numbers.dead.sum()),
        near_zero=int(((variance >= 0) & (variance < thresholds.near_zero_variance)).sum()),
        denormal=int(numbers.denormal.sum()),
        zero=int((variance == 0).sum()),
        negative=int((variance < 0).sum()),
        non_finite=numbers.channels - int(numbers.finite.sum()) if numbers.channels else 0,
        zero_gamma=int((numbers.gamma == 0).sum()),
    )


def _spread(values: Array) -> Spread:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Spread(float("nan"), float("nan"), float("nan"))
    return Spread(float(finite.min()), float(np.median(finite)), float(finite.max()))
