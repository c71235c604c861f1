"""What every BatchNorm layout has: blobs with roles and shapes, an eps rule, decode and encode.

All arithmetic is in state.py; the layouts themselves are in layouts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

import numpy as np

from protolint.batchnorm.state import (
    Age,
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    age_of,
    divided,
    inverted,
    multiplied,
    with_eps,
)
from protolint.caffe.batchnorm import EpsRule
from protolint.float32 import single
from protolint.record import NamedTuple

__all__ = [
    "DEFAULT_FRACTION",
    "Layout",
    "ParamRule",
    "Role",
]

# BatchNormParameter.moving_average_fraction in caffe.proto @ rc3 and every later tag.
DEFAULT_FRACTION = 0.999


class Role(Enum):
    """What a blob is for; SPREAD is the variance or the inverse deviation."""

    MEAN = "mean"
    SPREAD = "variance"
    FACTOR = "factor"
    GAMMA = "gamma"
    BETA = "beta"
    RESERVED = "reserved"


# No floor and the default of every tag but the first two of NVIDIA 0.16.
_PLAIN = EpsRule()


class ParamRule(NamedTuple):
    """The multipliers of one blob: None leaves the user's, numbers are what must be in use."""

    role: Role
    lr_mult: float | None
    decay_mult: float | None


class _Settings(NamedTuple):
    name: str
    eps: EpsRule = _PLAIN
    statistic: Statistic = Statistic.VARIANCE
    sums: bool = False
    reading_only: bool = False


class Layout(_Settings):
    """The base of all layouts; `name` is the one in LAYOUTS.

    `statistic` says what the SPREAD blob is, `sums` whether mean and variance are
    multiplied by the FACTOR blob, `eps` what the layer adds to the variance. Nothing is
    converted to a layout that is `reading_only`.
    """

    __slots__ = ()

    roles: ClassVar[tuple[Role, ...]] = ()
    # Sizes of the axes before and after the channel axis, in what the layer itself writes.
    axes: ClassVar[tuple[int, int]] = (0, 0)
    # What a factor or reserved blob gets when the statistics are plain.
    constant: ClassVar[float] = 0.0

    @property
    def affine(self) -> bool:
        """Whether the layer has gamma and beta, or only gamma."""
        return Role.GAMMA in self.roles

    @property
    def is_plain_sums(self) -> bool:
        """Whether the blobs are BVLC's: sums of mean and variance, and their factor."""
        alone = self.roles == (Role.MEAN, Role.SPREAD, Role.FACTOR)
        return alone and self.sums and self.statistic is Statistic.VARIANCE

    @property
    def params(self) -> tuple[ParamRule, ...]:
        """What each `param` block has to say, in the order of the blobs."""
        user = (Role.GAMMA, Role.BETA)
        return tuple(
            ParamRule(role, None, None) if role in user else ParamRule(role, 0.0, 0.0)
            for role in self.roles
        )

    def shapes(self, channels: int) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each blob, in order, as the layer itself creates it."""
        before, after = self.axes
        ones = (Role.FACTOR, Role.RESERVED)
        return tuple(
            (1,) * before + (1 if role in ones else channels,) + (1,) * after for role in self.roles
        )

    def stored_as(self, channels: int) -> str:
        """Return the layout in which a binary file of so many channels is read as this one."""
        return self.name

    def decode(
        self,
        blobs: Sequence[Array],
        eps: float | None = None,
        fraction: float = DEFAULT_FRACTION,
    ) -> BatchNormState:
        """Return the state in the blobs of a layer.

        `blobs` are float32, float64 or float16 (widened to float32, which is exact) of
        any shape with the right number of values; `eps` and `fraction` are what the
        layer's batch_norm_param says, None for an eps it does not mention. Raises
        LayoutError for another number of blobs, or sizes that do not fit each other.
        """
        if len(blobs) != len(self.roles):
            raise LayoutError(f"{self.name} has {len(self.roles)} blobs, not {len(blobs)}")
        found = {role: _flat(values) for role, values in zip(self.roles, blobs, strict=True)}
        channels = len(found.get(Role.SPREAD, found[self.roles[0]]))
        if channels == 0:
            raise LayoutError(f"the blobs of {self.name} are empty")
        for index, (role, values) in enumerate(found.items()):
            wanted = 1 if role in (Role.FACTOR, Role.RESERVED) else channels
            if len(values) != wanted:
                raise LayoutError(
                    f"blob {index} has {len(values)} values; as the {role.value} of"
                    f" {self.name} with {channels} channels it has {wanted}"
                )
        return self._state(found, self.eps.effective(eps), fraction)

    def _state(self, found: dict[Role, Array], eps: float, fraction: float) -> BatchNormState:
        """Return the state of checked, flat blobs."""
        mean, spread = found[Role.MEAN], found[Role.SPREAD]
        factor = float(found[Role.FACTOR][0]) if self.sums else 1.0
        untrained = not (mean.any() or spread.any())
        return BatchNormState(
            stored_mean=mean,
            stored_spread=spread,
            statistic=self.statistic,
            factor=factor,
            gamma=found.get(Role.GAMMA),
            beta=found.get(Role.BETA),
            eps=eps,
            age=Age(0) if untrained else age_of(factor, fraction),
        )

    def fit(self, state: BatchNormState) -> BatchNormState:
        """Return the state as this layout will hold it.

        The `eps` of the result goes into the prototxt.

        What the layout can hold as it is keeps its bits. Raises LayoutError where the
        numbers have no equivalent (see with_eps and inverted).
        """
        eps = self.eps.effective(state.eps)
        if self.statistic is Statistic.INVERSE_DEVIATION:
            # cuDNN 4 multiplies by the deviation and does not look at eps any more.
            fitted = inverted(state)._replace(eps=eps)
        else:
            fitted = with_eps(state, eps)
        return fitted if self.sums else divided(fitted)

    def encode(
        self,
        state: BatchNormState,
        *,
        factor: float | None = None,
        separate_scale: bool = False,
    ) -> tuple[Array, ...]:
        """Return the blobs of a state, in order, in this layout's shapes and the state's types.

        `factor` multiplies the statistics of a layout of sums; None keeps the source's,
        with every bit. `separate_scale` says that gamma and beta go into a Scale layer
        (see scale_blobs), so that here they may be missing, or are 1 and 0. Raises
        LayoutError if the layout cannot hold gamma or beta, or is only read.
        """
        if self.reading_only:
            raise LayoutError(f"{self.name} is only read; nothing is converted to it")
        fitted = self.fit(state)
        if self.sums and factor is not None:
            fitted = multiplied(fitted, single(factor))
        gamma, beta = fitted.scale, fitted.shift
        if separate_scale:
            gamma, beta = np.ones_like(gamma), np.zeros_like(beta)
        self._check_affine(gamma, beta)
        constant = fitted.factor if self.sums else self.constant
        values = {
            Role.MEAN: fitted.stored_mean,
            Role.SPREAD: fitted.stored_spread,
            Role.FACTOR: np.array([constant], fitted.dtype),
            Role.GAMMA: gamma,
            Role.BETA: beta,
            Role.RESERVED: np.array([self.constant], fitted.dtype),
        }
        shapes = self.shapes(state.channels)
        return tuple(
            values[role].reshape(shape) for role, shape in zip(self.roles, shapes, strict=True)
        )

    def scale_blobs(self, state: BatchNormState) -> tuple[Array, Array]:
        """Gamma and beta, each of shape (C), of the Scale layer that follows.

        To be used with encode(..., separate_scale=True).
        """
        fitted = self.fit(state)
        return fitted.scale, fitted.shift

    def _check_affine(self, gamma: Array, beta: Array) -> None:
        """Refuse to drop a gamma or beta that does something."""
        if Role.GAMMA not in self.roles and np.any(gamma != 1):
            raise LayoutError(f"{self.name} has no gamma: it needs a Scale layer after it")
        if Role.BETA not in self.roles and np.any(beta != 0):
            raise LayoutError(f"{self.name} has no beta: it needs a Scale layer after it")


def _flat(values: Array) -> Array:
    """One axis, and halves as floats, which holds every half exactly."""
    flat = values.reshape(-1)
    return flat.astype(np.float32) if flat.dtype == np.float16 else flat
