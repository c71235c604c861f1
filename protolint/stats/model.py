"""What `protolint stats` finds out, as values: snapshots, how they moved, what a batch shows.

Everything that draws, writes or prints takes a StatsReport and works nothing out itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.diagnostic import Diagnostic
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.weights.kinds import FileKind
from protolint.workspace.thresholds import Thresholds

__all__ = [
    "Drift",
    "Measured",
    "Outlier",
    "Snapshot",
    "StatsReport",
]


_DEFAULTS = Thresholds()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One file: its BatchNorm layers in the order of the net.

    `path` is the file as it was given; `label` a short name that no other snapshot of the
    report has ("iter 5000", "epoch 300", or the file's name); `iteration` the number in the
    file's name, if the order comes from there; `kind` one of MODEL, MODEL_HDF5, SAFETENSORS and
    CHECKPOINT.
    """

    path: str
    label: str
    kind: FileKind
    layers: tuple[Numbers, ...]
    iteration: int | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Numbers]:
        """The layers by name."""
        return {numbers.name: numbers for numbers in self.layers}


class Drift(NamedTuple):
    """How one layer moved from one snapshot to the next; see compare.py for the arithmetic.

    `before` and `after` are positions in StatsReport.snapshots. A ratio is that of the later
    variance to the earlier, both raised to the threshold near_zero_variance. `median_ratio` is 1
    or more (1: nothing moved, 4: half of the channels moved by four times or more, up or down);
    `worst_ratio` is that of the channel `worst_channel`, which moved furthest, below 1 where
    it fell. `mean_shift` and `worst_mean_shift` are in standard deviations of the earlier
    snapshot, `worst_mean_channel` the channel of the latter. `far` is how many channels, of
    1, moved further than the threshold drift_channel. The rest are channel numbers: `dead_gained`
    fell under eps, `dead_lost` rose above it, `near_zero_gained` fell under near_zero_variance.
    `moved`: whether it is beyond a threshold. `left_out` channels are not finite.
    """

    layer: str
    before: int
    after: int
    median_ratio: float
    worst_ratio: float
    worst_channel: int
    mean_shift: float
    worst_mean_shift: float
    worst_mean_channel: int
    far: float
    dead_gained: tuple[int, ...]
    dead_lost: tuple[int, ...]
    near_zero_gained: tuple[int, ...]
    moved: bool
    left_out: int = 0


class Outlier(NamedTuple):
    """A snapshot whose neighbours agree with each other more than with it.

    `snapshot` is its position; the distances are ratios, 1 or more: the one to the nearer of
    its neighbours, and the one between them; `layer` is the layer that stands out most.
    """

    snapshot: int
    distance: float
    between: float
    layer: str


@dataclass(frozen=True, eq=False)
class Measured:
    """One BatchNorm on a batch of data: what it stores against what the batch has.

    `numbers` are the stored ones; `mean` and `variance` are the batch's, float64 of shape
    (C), the variance with m - 1 in the divisor as running averages have it; `count` is m, the
    values per channel. `mean_shift` is per channel, in stored standard deviations, and
    `variance_ratio` the batch's variance + eps to the stored + eps. `gap` is the root mean
    square of TRAIN output less TEST output, in standard deviations of the TRAIN output;
    `differs` how many output values, of 1, are off by more than a tenth of |gamma|.
    """

    numbers: Numbers
    mean: Array
    variance: Array
    count: int
    mean_shift: Array
    variance_ratio: Array
    gap: float
    differs: float


@dataclass(frozen=True, eq=False)
class StatsReport:
    """Everything one run of `protolint stats` reports.

    `snapshots` in order; `order` says what the order comes from ("iteration", "epoch",
    "given"). `drifts` go pair by pair of consecutive snapshots, and within a pair in the
    order of the later one's layers. `first_moved` is the drift of the layer that moved first,
    if one passed a threshold. `findings` are Diagnostics about files of `snapshots`, whose
    `layer` is a layer's name. `notes` are lines for a person. `measured` is for `data`, the
    file of a batch, run with `runner`. `net` is the net that was given with the weights.
    """

    snapshots: tuple[Snapshot, ...]
    order: str = "given"
    drifts: tuple[Drift, ...] = ()
    first_moved: Drift | None = None
    outlier: Outlier | None = None
    findings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    thresholds: Thresholds = _DEFAULTS
    measured: tuple[Measured, ...] = ()
    data: str | None = None
    runner: str | None = None
    net: Net | None = None

    def findings_of(self, layer: str) -> tuple[Diagnostic, ...]:
        """Return the findings about one layer, in any file."""
        return tuple(finding for finding in self.findings if finding.layer == layer)
