"""BVLC Caffe, rc4 to master."""

from __future__ import annotations

from typing import ClassVar

from protolint.caffe.batchnorm import STATISTICS, Affine, BatchNormKind
from protolint.caffe.behaviour import Building, Loading, Solving
from protolint.caffe.dialect import Dialect, Engines, Layouts

__all__ = ["SUMS", "Bvlc"]

#: Running sums and a factor, no gamma and beta; backward uses a copy of the normalised values
#: (batch_norm_layer.cpp @ rc3 to master, and v0.14.5).
SUMS = BatchNormKind(Affine.NEVER, STATISTICS, (), "B3", "", sums=True, averages_unbiased=True)


class Bvlc(Dialect):
    """BVLC Caffe: statistics in BatchNorm, gamma and beta in a Scale layer."""

    name = "bvlc"
    title = "BVLC Caffe rc4 to master"
    schema = "bvlc"
    building: ClassVar[Building] = Building(fans_by_legacy_axes=False, infogain_axis=True)
    solving: ClassVar[Solving] = Solving(
        checks_steps=True, has_snapshot_prefix=True, loads_weights=True
    )
    engines: ClassVar[Engines] = {"CAFFE": SUMS._replace(checks_statistics_lr=True)}
    file_layouts: ClassVar[Layouts] = (("B3",),)
    zeroes_three_params = True
    masks_statistics = True
    batchnorm_is_opencvs = True
    accuracy_counts_ties_as_wrong = True
    sigmoid_loss_reads_loss_param = True
    loading = Loading(hdf5_by_content=True)
    layer_types = Dialect.layer_types | {
        "BatchReindex", "Bias", "Clip", "Crop", "ELU", "Input", "LSTM", "LSTMUnit", "Parameter",
        "RNN", "Scale", "Swish",
    }  # fmt: skip
    harmless_fields = frozenset(("SolverParameter.layer_wise_reduce",))
