"""Field numbers of the messages that weight files are made of, for readers without a schema.

The same in every Caffe that has the field: tests/caffe/test_field_numbers.py holds them against the
compiled schemas.
"""

from __future__ import annotations

__all__ = [
    "BatchNormField",
    "ForkLayerField",
    "LayerField",
    "NetField",
    "ParamField",
    "ScaleField",
    "SolverStateField",
    "V0LayerField",
    "V1LayerField",
]


class NetField:
    """NetParameter."""

    NAME, LAYERS, INPUT, LAYER = 1, 2, 3, 100


class LayerField:
    """LayerParameter."""

    NAME, TYPE, BOTTOM, TOP, LOSS_WEIGHT = 1, 2, 3, 4, 5
    PARAM, BLOBS, INCLUDE, EXCLUDE, PHASE, PROPAGATE_DOWN = 6, 7, 8, 9, 10, 11
    CONVOLUTION_PARAM, INNER_PRODUCT_PARAM, BATCH_NORM_PARAM, SCALE_PARAM = 106, 117, 139, 142
    #: NVIDIA from v0.16.1 on; other forks have messages of other types under these numbers.
    FORWARD_TYPE, BACKWARD_TYPE = 145, 146
    #: Intel's fork.
    ENGINE = 149


class ForkLayerField:
    """Fields of LayerParameter in forks that have no schema here."""

    #: bn_param of SegNet and ENet, and of yjxiong/caffe and PSPNet.
    SEGNET_BN_PARAM, YJXIONG_BN_PARAM = 45, 137


class V1LayerField:
    """V1LayerParameter, the message of `layers`."""

    LAYER, BOTTOM, TOP, NAME, TYPE, BLOBS, INCLUDE, EXCLUDE = 1, 2, 3, 4, 5, 6, 32, 33


class V0LayerField:
    """V0LayerParameter, which stands inside a V1LayerParameter."""

    NAME, TYPE, BLOBS = 1, 2, 50


class ParamField:
    """ParamSpec, the message of `param`."""

    NAME, SHARE_MODE, LR_MULT, DECAY_MULT = 1, 2, 3, 4


class BatchNormField:
    """BatchNormParameter; NVIDIA and Intel give 4 to 6 different meanings."""

    USE_GLOBAL_STATS, MOVING_AVERAGE_FRACTION, EPS = 1, 2, 3
    SCALE_FILLER, BIAS_FILLER, SCALE_BIAS, ENGINE = 5, 6, 7, 15
    #: Intel's fork.
    USE_WEIGHT_BIAS, BIAS_TERM = 5, 6


class ScaleField:
    """ScaleParameter."""

    AXIS, NUM_AXES, FILLER, BIAS_TERM, BIAS_FILLER = 1, 2, 3, 4, 5


class SolverStateField:
    """SolverState."""

    ITER, LEARNED_NET, HISTORY, CURRENT_STEP = 1, 2, 3, 4
