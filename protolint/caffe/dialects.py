"""What differs from Caffe to Caffe: the one table that rules and converter read.

Sources, where an entry names none: src/caffe/layers/batch_norm_layer.cpp and
cudnn_batch_norm_layer.cpp of BVLC rc4 to master and NVIDIA v0.14.5, v0.15.14, v0.16.1,
v0.16.6, v0.17.4.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = [
    "DIALECTS",
    "FOREIGN_SCHEMAS",
    "FORK_FIELDS",
    "TARGETS",
    "Affine",
    "BatchNormKind",
    "Dialect",
    "resolve_target",
]


class Affine(Enum):
    """Whether a BatchNorm layer holds gamma and beta itself."""

    NEVER = "never"
    ALWAYS = "always"
    ON_REQUEST = "on request"


class BatchNormKind(NamedTuple):
    """One BatchNorm implementation: a dialect's layer for one engine.

    `blobs` names the learnable blobs in order, `affine_blobs` those of a layer that holds
    gamma and beta.
    """

    affine: Affine
    blobs: tuple[str, ...]
    affine_blobs: tuple[str, ...]
    #: Whether backward in place is right for a layer without gamma and beta, and with.
    in_place_plain: bool
    in_place_affine: bool
    #: The phase alone decides which statistics are used; use_global_stats does nothing.
    ignores_global_stats: bool


_STATISTICS = ("mean", "variance", "factor")

# BVLC, and NVIDIA 0.14 with engine CAFFE: running sums and a factor, no gamma and beta;
# backward uses a copy of the normalised values (batch_norm_layer.cpp @ rc3 to master, v0.14.5).
_SUMS = BatchNormKind(Affine.NEVER, _STATISTICS, (), True, True, False)
# cudnn_batch_norm_layer.cu @ v0.14.5: backward reads the bottom that forward overwrote.
_CUDNN_14_ORDER = ("gamma", "beta", "reserved", "mean", "variance")
_CUDNN_14 = BatchNormKind(Affine.ALWAYS, (), _CUDNN_14_ORDER, True, False, True)
_ORDER_15 = ("gamma", "beta", "mean", "variance", "reserved")
_NATIVE_15 = BatchNormKind(Affine.ALWAYS, (), _ORDER_15, True, True, False)
_CUDNN_15 = BatchNormKind(Affine.ALWAYS, (), _ORDER_15, True, False, True)
# v0.16.1 to v0.17.4: CUDNN keeps private copies of bottom and top; CAFFE without scale and
# bias lets the two diffs share memory (Backward_cpu, Backward_gpu).
_ORDER_16 = (*_STATISTICS, "gamma", "beta")
_NATIVE_16 = BatchNormKind(Affine.ON_REQUEST, _STATISTICS, _ORDER_16, False, True, True)
_CUDNN_16 = BatchNormKind(Affine.ON_REQUEST, _STATISTICS, _ORDER_16, True, True, True)


class Dialect(NamedTuple):
    """One Caffe that reads the file.

    `engines` gives the BatchNorm implementation behind each engine name; a dialect with
    a single one has no `engine` field in batch_norm_param.
    """

    name: str
    title: str
    schema: str
    version: tuple[int, ...]
    engines: dict[str, BatchNormKind]
    #: A gamma without filler starts at 0, not 1 (LayerSetUp @ v0.14.5, v0.15.14).
    gamma_starts_at_zero: bool
    #: Default and least value of batch_norm_param.eps (batchnorm-layouts 3.4).
    eps_default: float
    eps_floor: float
    #: Axes a BatchNorm bottom needs (v0.16.1 and later read axes 2 and 3).
    least_axes: int
    #: lr_mult of the statistics is checked (BVLC rc4 on) or forced to 0 (NVIDIA 0.16 on).
    checks_statistics_lr: bool = False
    masks_statistics: bool = False
    # What it does with a weight file beyond copying equal blobs by the layer's name:
    # CopyTrainedLayersFrom in src/caffe/net.cpp, FromProto in src/caffe/blob.cpp @ BVLC 1.0 and
    # master, NVIDIA v0.14.5, v0.15.14, v0.16.1, v0.16.6, v0.17.0 to v0.17.4.
    #: HDF5 is told by the content (H5Fis_hdf5); elsewhere by a name that ends in `.h5`.
    hdf5_by_content: bool = False
    #: Values in BlobProto.raw_data are read (Blob::FromProto @ v0.16.1).
    reads_raw_data: bool = False
    #: Five blobs of a BatchNorm, the last of one value, are put from the order of 0.15 into
    #: that of 0.16; a binary file only.
    reorders_on_load: bool = False
    #: Three blobs of a BatchNorm are divided by the third, which becomes 1; a binary file
    #: only, and from v0.17.1 on.
    divides_on_load: bool = False
    #: Numbers of blobs with which a BatchNorm takes the shapes of a binary file, unchecked;
    #: from v0.17.1 on any number.
    reshapes_on_load: frozenset[int] = frozenset()
    #: A BatchNorm takes the shapes of an HDF5 file, unchecked (observed in v0.16.6, v0.17.4).
    reshapes_hdf5: bool = False

    @property
    def nvidia(self) -> bool:
        """Whether this is a release of NVIDIA Caffe."""
        return self.name != "bvlc"

    def batchnorm(self, engine: str, *, with_cudnn: bool = True) -> BatchNormKind:
        """The implementation that runs for an `engine` as written ("" or "DEFAULT": unset).

        DEFAULT is CUDNN in every build that has cuDNN, in CPU mode too
        (src/caffe/layer_factory.cpp @ v0.14.5, v0.15.1, v0.17.4).
        """
        return self.engines[self.resolve_engine(engine, with_cudnn=with_cudnn)]

    def resolve_engine(self, engine: str, *, with_cudnn: bool = True) -> str:
        """The engine that runs, "CAFFE" or "CUDNN", for one as written."""
        if engine in self.engines:
            return engine
        return "CUDNN" if with_cudnn and "CUDNN" in self.engines else "CAFFE"


_ENGINES_16 = {"CAFFE": _NATIVE_16, "CUDNN": _CUDNN_16}

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="bvlc",
            title="BVLC Caffe rc4 to master",
            schema="bvlc",
            version=(1,),
            engines={"CAFFE": _SUMS},
            gamma_starts_at_zero=False,
            eps_default=1e-5,
            eps_floor=0.0,
            least_axes=2,
            checks_statistics_lr=True,
            masks_statistics=True,
            hdf5_by_content=True,
        ),
        Dialect(
            name="nvidia-0.14",
            title="NVIDIA Caffe 0.14.0 to 0.14.5",
            schema="nvidia-0.14",
            version=(0, 14),
            engines={"CAFFE": _SUMS, "CUDNN": _CUDNN_14},
            gamma_starts_at_zero=True,
            eps_default=1e-5,
            eps_floor=0.0,
            least_axes=2,
        ),
        Dialect(
            name="nvidia-0.15",
            title="NVIDIA Caffe 0.15.1 to 0.15.14",
            schema="nvidia-0.15",
            version=(0, 15),
            engines={"CAFFE": _NATIVE_15, "CUDNN": _CUDNN_15},
            gamma_starts_at_zero=True,
            eps_default=1e-5,
            eps_floor=0.0,
            least_axes=1,
        ),
        Dialect(
            name="nvidia-0.16",
            title="NVIDIA Caffe 0.16.3 to 0.16.6",
            schema="nvidia-0.16",
            version=(0, 16),
            engines=_ENGINES_16,
            gamma_starts_at_zero=False,
            eps_default=1e-5,
            eps_floor=1e-5,
            least_axes=4,
            masks_statistics=True,
            reads_raw_data=True,
            reorders_on_load=True,
            reshapes_on_load=frozenset({5}),
            reshapes_hdf5=True,
        ),
        Dialect(
            name="nvidia-0.16.1",
            title="NVIDIA Caffe 0.16.1 (eps at least 1e-4, fewer fields)",
            schema="nvidia-0.16.1",
            version=(0, 16, 1),
            engines=_ENGINES_16,
            gamma_starts_at_zero=False,
            eps_default=1e-4,
            eps_floor=1e-4,
            least_axes=4,
            masks_statistics=True,
            reads_raw_data=True,
            reorders_on_load=True,
            reshapes_on_load=frozenset({5}),
            reshapes_hdf5=True,
        ),
        Dialect(
            name="nvidia-0.17",
            title="NVIDIA Caffe 0.17.0 to 0.17.4",
            schema="nvidia-0.17",
            version=(0, 17),
            engines=_ENGINES_16,
            gamma_starts_at_zero=False,
            eps_default=1e-5,
            eps_floor=1e-5,
            least_axes=4,
            masks_statistics=True,
            reads_raw_data=True,
            reorders_on_load=True,
            divides_on_load=True,
            reshapes_on_load=frozenset({3, 5}),
            reshapes_hdf5=True,
        ),
    )
}

#: The five dialects a file is inferred to be of, the most likely first.
TARGETS = ("bvlc", "nvidia-0.17", "nvidia-0.16", "nvidia-0.15", "nvidia-0.14")

#: Schemas looked through, in this order, for who knows a field that the target does not.
FOREIGN_SCHEMAS = ("bvlc", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17", "intel")

#: Fields of forks that protolint has no schema for: (message, field) to the fork's name.
FORK_FIELDS = {
    ("LayerParameter", "bn_param"): "SegNet, ENet and yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "shift_filler"): "SegNet and ENet Caffe",
    ("BatchNormParameter", "bn_mode"): "SegNet and ENet Caffe",
    ("BatchNormParameter", "frozen"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "slope_filler"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "momentum"): "yjxiong/PSPNet Caffe",
    ("BatchNormParameter", "use_weight_bias"): "Intel Caffe",
}


#: In place of a target: the one that a file itself points to.
AUTO = "auto"


def resolve_target(name: str) -> Dialect | None:
    """The dialect a user means: a full name, or `nvidia` for the newest; None if unknown."""
    wanted = name.strip().lower()
    return DIALECTS.get("nvidia-0.17" if wanted == "nvidia" else wanted)
