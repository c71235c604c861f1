"""What each figure of a layer is called and what it says, in the terminal as in HTML."""

from __future__ import annotations

import math

from protolint.record import NamedTuple

__all__ = [
    "AGE", "CHANNELS", "DEAD", "DENORMAL", "EPS_SHARE", "FIGURES", "GAIN", "GAIN_SIZE", "GAP",
    "MOVED", "VARIANCE", "Figure", "share_text",
]  # fmt: skip


class Figure(NamedTuple):
    """The name of a figure, in small letters, and its meaning as the end of a sentence."""

    name: str
    meaning: str

    @property
    def title(self) -> str:
        """The name as a heading."""
        return f"{self.name[0].upper()}{self.name[1:]}"


CHANNELS = Figure("channels", "how many channels the layer normalises")
VARIANCE = Figure(
    "variance", "the running average after its factor; the layer divides by sqrt(variance + eps)"
)
GAIN = Figure("gain", "what a channel is multiplied by: gamma / sqrt(variance + eps)")
GAIN_SIZE = Figure("gain size", "the gain without its sign")
EPS_SHARE = Figure(
    "eps share",
    "how much of the divisor eps decides: eps / (variance + eps), the mean over the channels",
)
DEAD = Figure("dead", "channels with a variance from 0 to under eps: their input does not vary")
DENORMAL = Figure("denormal", "channels with a variance under 1.18e-38 that is not 0")
AGE = Figure("age", "how many training passes the average covers")
MOVED = Figure(
    "moved by",
    "how many times the variance of the median channel went up or down from a snapshot to the"
    " next, where it went furthest",
)
GAP = Figure("gap", "TRAIN output less TEST output on the data, in standard deviations")

FIGURES = (
    CHANNELS, VARIANCE, GAIN, GAIN_SIZE, EPS_SHARE, DEAD, DENORMAL, AGE, MOVED, GAP,
)  # fmt: skip


def share_text(share: float) -> str:
    """Return an eps share, a fraction, for people; "" for NaN."""
    if math.isnan(share):
        return ""
    return f"{share:.2%}" if share >= 1e-4 else "<0.01%"
