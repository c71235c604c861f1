"""The layouts: how one BatchNorm's numbers lie in blobs, a small class each.

Converting is `target.encode(source.decode(blobs))`. A new layout is a class here and a place in
what its Caffe writes: `file_layouts` in protolint.caffe, or FORK_LAYOUTS in protolint.caffe.forks;
protolint.batchnorm.detect chooses between those with as many blobs. A layout only knows its own
order, shapes, eps and what its reserved blob holds. The `param` blocks of a layer have the order
of its blobs, so `roles` is the order of both.

Short names of sources, as in the framework's tree: BN.cpp is
src/caffe/layers/batch_norm_layer.cpp, cuBN.cpp src/caffe/layers/cudnn_batch_norm_layer.cpp.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from protolint.batchnorm.base import Layout, ParamRule, Role
from protolint.batchnorm.state import Array, BatchNormState, Statistic
from protolint.caffe.batchnorm import EpsRule
from protolint.caffe.registry import DIALECTS

__all__ = ["CUDNN_LAYOUTS", "LAYOUTS", "NATIVE_LAYOUTS", "is_open"]

#: What 0.14 and 0.15 write without cuDNN, and what they write with it.
NATIVE_LAYOUTS, CUDNN_LAYOUTS = ("B3", "B3-second-moment", "N15A"), ("N14C", "N15C")

MEAN, SPREAD, FACTOR = Role.MEAN, Role.SPREAD, Role.FACTOR
GAMMA, BETA, RESERVED = Role.GAMMA, Role.BETA, Role.RESERVED


class B3(Layout):
    """BVLC from rc3 on, NVIDIA 0.14 engine CAFFE: sums of mean and variance, and their factor.

    y = (x - blob0 / F) / sqrt(blob1 / F + eps), F = 0 taken as mean = variance = 0; eps
    default 1e-5, no floor. gamma and beta are a Scale layer's (not in NVIDIA 0.14).
    (BN.cpp @ rc3, rc4, 1.0, v0.14.5.) The layer freezes its three blobs itself from
    rc4 on; rc3 and NVIDIA 0.14 need three `param { lr_mult: 0 decay_mult: 0 }`, which
    all of them accept.
    """

    __slots__ = ()
    roles = (MEAN, SPREAD, FACTOR)
    constant = 1.0


class N14C(Layout):
    """NVIDIA 0.14 engine CUDNN: gamma, beta, a blob that is never used, mean, spread.

    The spread is what the linked cuDNN keeps: with version 4 the inverse deviation
    1/sqrt(var + 1e-4), from version 5 on (possible since v0.14.3) the variance. eps is
    1e-4 whatever the prototxt says. Shapes (1,C,1,1), the unused blob (1,1,1,1), value
    0. (cuBN.cpp and include/caffe/common_layers.hpp @ v0.14.5.)
    """

    __slots__ = ()
    roles = (GAMMA, BETA, RESERVED, MEAN, SPREAD)
    axes = (1, 2)


class N15A(Layout):
    """NVIDIA 0.15 engine CAFFE: gamma, beta, mean, variance, and a blob that is never used.

    y = gamma (x - blob2) / sqrt(blob3 + eps) + beta, eps default 1e-5, no floor. Shapes
    (C), the unused blob (1), value 0. Nothing is frozen by the layer: without `param`
    blocks weight decay shrinks the statistics. (BN.cpp @ v0.15.1, v0.15.14.)
    """

    __slots__ = ()
    roles = (GAMMA, BETA, MEAN, SPREAD, RESERVED)


class N15C(N15A):
    """NVIDIA 0.15 engine CUDNN: the order of N15A with 4-D shapes.

    eps is at least CUDNN_BN_MIN_EPSILON, 1e-5; the spread as in N14C. Shapes
    (1,C,1,1) and (1,1,1,1). (cuBN.cpp @ v0.15.1, v0.15.14.)
    """

    __slots__ = ()
    axes = (1, 2)


class N16_3(Layout):
    """NVIDIA 0.16 and 0.17 without scale_bias: mean, variance, and a factor it never uses.

    y = (x - blob0) / sqrt(blob1 + eps); eps floor and default 1e-5, and both 1e-4 in
    v0.16.1, the default alone in v0.16.2. The third blob starts as 0 up to v0.16.4 and as
    1 from v0.16.5; it keeps what was loaded, which v0.17.1 and later divide by while
    loading a binary file. Shapes (C), (C), (1). The layer freezes all three itself.
    (BN.cpp @ v0.16.1, v0.16.6, v0.17.4; net.cpp @ v0.17.1.)
    """

    __slots__ = ()
    roles = (MEAN, SPREAD, FACTOR)
    constant = 1.0


class N16_5(Layout):
    """NVIDIA 0.16 and 0.17 with scale_bias: N16_3 and then gamma and beta.

    The layer forces lr_mult and decay_mult of gamma and beta to 1, whatever the
    prototxt says. (BN.cpp @ v0.16.1, v0.17.4.) Five blobs whose last has one element
    are taken for the 0.15 order when a binary file is loaded, so a layer of one channel
    does not survive that (CopyTrainedLayersFrom in net.cpp @ v0.16.1, v0.17.4).
    """

    __slots__ = ()
    roles = (MEAN, SPREAD, FACTOR, GAMMA, BETA)
    constant = 1.0

    @property
    def params(self) -> tuple[ParamRule, ...]:
        """As in every layout, but gamma and beta cannot be the user's."""
        forced = (GAMMA, BETA)
        return tuple(
            ParamRule(role, *(1.0, 1.0) if role in forced else (0.0, 0.0)) for role in self.roles
        )

    def stored_as(self, channels: int) -> str:
        """Return the order of 0.15 for one channel: that is reordered, and ends up right."""
        return "N15A" if channels == 1 else self.name


class I5(Layout):
    """Intel engines MKL2017 and MKLDNN: the sums of B3, then gamma and beta, all (C).

    y = (x - blob0 / F) / sqrt(blob1 / F + eps) * gamma + beta, eps default 1e-5.
    (mkl_batch_norm_layer.cpp and mkldnn_batch_norm_layer.cpp @ BVLC branch intel.)
    """

    __slots__ = ()
    roles = (MEAN, SPREAD, FACTOR, GAMMA, BETA)
    constant = 1.0


class I4(Layout):
    """I5 with `bias_term: false`: no beta."""

    __slots__ = ()
    roles = (MEAN, SPREAD, FACTOR, GAMMA)
    constant = 1.0


class I3(B3):
    """I5 with `use_weight_bias: false`, and the Intel engine CAFFE: the same as B3."""

    __slots__ = ()


class SegNet(Layout):
    """SegNet and ENet type BN in `bn_mode: INFERENCE`: y = blob0 x + blob1, no statistics.

    The map is gamma / sqrt(var + 1e-9) and beta - gamma mean / sqrt(var + 1e-9) of a
    training net, computed by a script (SegNet-Tutorial Scripts/compute_bn_statistics.py),
    and taken here as mean 0 and inverse deviation 1, which is exact in any layout.
    The weights of a training net (LEARN) have the same two blobs but no statistics at
    all, and must not be decoded. Shapes (1,C,1,1).
    """

    __slots__ = ()
    roles = (GAMMA, BETA)
    axes = (1, 2)

    def _state(self, found: dict[Role, Array], eps: float, fraction: float) -> BatchNormState:
        gamma = found[GAMMA]
        mean, deviation = np.zeros_like(gamma), np.ones_like(gamma)
        return BatchNormState(
            mean, deviation, Statistic.INVERSE_DEVIATION, 1.0, gamma, found[BETA], eps
        )


class Yjx(Layout):
    """yjxiong/caffe type BN: slope, bias, mean, variance, each (1,C); eps default 1e-5.

    For a while (PR 16, 2015-12-16) the last blob was 1/sqrt(var + eps); later branches
    store the variance again.
    """

    __slots__ = ()
    roles = (GAMMA, BETA, MEAN, SPREAD)
    axes = (1, 0)


class Psp(Yjx):
    """hszhao/PSPNet type BN: the order of Yjx with shapes (1,C,1,1), always a variance."""

    __slots__ = ()
    axes = (1, 2)


_INVERSE, _MOMENT = Statistic.INVERSE_DEVIATION, Statistic.SECOND_MOMENT


def _eps(layout: str) -> EpsRule:
    """Return the rule of the first Caffe whose layers have a layout; no fork has one of its own."""
    rules = (
        kind.eps
        for dialect in DIALECTS.values()
        for kind in dialect.kinds
        if layout in (kind.layout, kind.affine_layout)
    )
    return next(rules, EpsRule())


LAYOUTS: MappingProxyType[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            B3("B3", _eps("B3"), sums=True),
            # BVLC master 2015-10-22 to 2015-11-14 and v0.14.0-rc.1: E[x^2] in blob 1.
            B3("B3-second-moment", statistic=_MOMENT, sums=True, reading_only=True),
            N14C("N14C", _eps("N14C")),
            N14C("N14C-inv-std", _eps("N14C"), _INVERSE),
            N15A("N15A", _eps("N15A")),
            N15C("N15C", _eps("N15C")),
            N15C("N15C-inv-std", _eps("N15C"), _INVERSE),
            N16_3("N16-3", _eps("N16-3")),
            N16_5("N16-5", _eps("N16-5")),
            I5("I5", sums=True),
            I4("I4", sums=True),
            I3("I3", sums=True),
            SegNet("SEG", reading_only=True),
            Yjx("YJX", reading_only=True),
            Yjx("YJX-inv-std", statistic=_INVERSE, reading_only=True),
            Psp("PSP", reading_only=True),
        )
    }
)


def is_open(name: str) -> bool:
    """Whether the second statistic of a layout may be a variance or an inverse deviation."""
    return f"{name}-inv-std" in LAYOUTS
