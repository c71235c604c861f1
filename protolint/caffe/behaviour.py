"""What a Caffe does in another way than others: loading weights, building a net, solving."""

from __future__ import annotations

from protolint.record import NamedTuple

__all__ = ["FILLERS", "STATIC_FILLERS", "Building", "Loading", "Solving"]

#: The names that GetFiller takes in every Caffe (include/caffe/filler.hpp).
FILLERS = frozenset(
    ("constant", "gaussian", "positive_unitball", "uniform", "xavier", "msra", "bilinear")
)
#: The same, drawing once and repeating (filler.hpp @ v0.15.14).
STATIC_FILLERS = frozenset(f"{name}static" for name in FILLERS - {"constant"})

#: The names that GetLearningRate takes in every Caffe.
_POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")


class Loading(NamedTuple):
    """What a Caffe does with a weight file beyond copying equal blobs by the layer's name.

    CopyTrainedLayersFrom in src/caffe/net.cpp, FromProto in src/caffe/blob.cpp @ BVLC 1.0 and
    master, NVIDIA v0.14.5, v0.15.14, v0.16.1, v0.16.6, v0.17.0 to v0.17.4.
    """

    #: HDF5 is recognised by the content (H5Fis_hdf5); elsewhere by a name that ends in `.h5`.
    hdf5_by_content: bool = False
    #: Values in BlobProto.raw_data are read (Blob::FromProto @ v0.16.1).
    reads_raw_data: bool = False
    #: Five blobs of a BatchNorm, the last of one value, are put from the order of 0.15 into
    #: that of 0.16; a binary file only.
    reorders: bool = False
    #: Three blobs of a BatchNorm are divided by the third, which becomes 1; a binary file
    #: only, and from v0.17.1 on.
    divides: bool = False
    #: Numbers of blobs with which a BatchNorm takes the shapes of a binary file, unchecked;
    #: from v0.17.1 on any number.
    reshapes: frozenset[int] = frozenset()
    #: A BatchNorm takes the shapes of an HDF5 file, unchecked (observed in v0.16.6, v0.17.4).
    reshapes_hdf5: bool = False


class Building(NamedTuple):
    """How one Caffe builds nets, where others do it in another way.

    Sources, where a field names none: the layer of that name in src/caffe/layers @ BVLC
    master, NVIDIA v0.14.5, v0.15.14, v0.16.6, v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
    """

    #: The names GetFiller takes (include/caffe/filler.hpp).
    fillers: frozenset[str] = FILLERS
    #: xavier and msra read axis 1 of a blob that has none (filler.hpp @ Intel 1.1.6).
    fan_out_needs_two_axes: bool = False
    #: xavier and msra read the legacy axes, four at most (filler.hpp @ v0.14.5).
    fans_by_legacy_axes: bool = True
    #: Reshape divides by the count so far, which is 0 behind an empty axis (blob.cpp @
    #: v0.14.5, v0.15.14).
    divides_by_empty: bool = False
    #: The memory of a blob that holds nothing can be had (blob.cpp @ v0.16.1).
    empty_memory: bool = False
    #: A blob may hold more than 2^31 - 1 values (blob.cpp @ Intel 1.1.6).
    large_blobs: bool = False
    #: Losses compare num(), which a scalar has too; elsewhere shape(0) (loss_layer.cpp).
    losses_by_num: bool = False
    #: InfogainLoss has an axis, and may give out the probabilities.
    infogain_axis: bool = False
    #: SmoothL1Loss takes two weights or none.
    smooth_l1_weights: bool = False
    #: The batch of a data layer is shared out among GPUs (divide_batch_size in parallel.cpp @
    #: v0.14.5), so that a blob of one of them may be smaller than the text says.
    divides_batches: bool = False
    #: A convolution may have more tops than bottoms (observed @ Intel 1.1.6).
    unequal_convolutions: bool = False
    #: A blob that holds nothing cannot be split for several readers (split_layer.cpp @
    #: v0.17.4).
    splits_no_empty: bool = False
    #: A blob does not share memory with itself, so that a Concat or Slice of one blob does
    #: not work in place (ShareData in blob.cpp @ v0.16.1).
    shares_with_another_only: bool = False
    #: resize_param and expand_param of a data layer are checked when it is made
    #: (data_transformer.cpp @ ssd, Intel 1.1.6).
    checks_resize: bool = False


class Solving(NamedTuple):
    """How one Caffe solves, where others do it in another way.

    Sources, where a field names none: src/caffe/solver.cpp, src/caffe/solvers/sgd_solver.cpp @
    BVLC master, NVIDIA v0.14.5 (solver.cpp alone), v0.15.14, v0.16.6, v0.17.4, weiliu89/caffe
    ssd, Intel 1.1.6.
    """

    #: The names that GetLearningRate takes.
    policies: tuple[str, ...] = _POLICIES
    #: `stepsize` and `gamma` are checked; elsewhere the iteration is divided by a stepsize of 0.
    checks_steps: bool = False
    #: `min_lr` may not be above base_lr (poly) or below 0.
    checks_min_lr: bool = False
    #: Policy poly divides by max_iter, whatever it is.
    divides_by_max_iter: bool = True
    #: The names of `momentum_policy` and `larc_policy`, none where there is no such thing.
    momentum_policies: tuple[str, ...] = ()
    larc_policies: tuple[str, ...] = ()
    #: The names of `eval_type`, none where there is no such field.
    evaluations: tuple[str, ...] = ()
    #: RMSProp works with momentum (include/caffe/sgd_solvers.hpp).
    rmsprop_takes_momentum: bool = False
    #: Without `snapshot_prefix` the solver's own name is taken (upgrade_proto.cpp).
    has_snapshot_prefix: bool = False
    #: `weights` names the files that training starts from (Solver::InitTrainNet).
    loads_weights: bool = False
    #: Without a pass the thread that adds up gradients is waited for without end (Solver::Step,
    #: Net::ReduceAndUpdate).
    waits_for_gradients: bool = False
