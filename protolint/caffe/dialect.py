"""The contract of a Caffe: what is asked of one, and what holds unless its module says else.

Each Caffe is a subclass in a module of its own that states only what differs from its parent.
Names say the fact, not who asks for it. Sources, where an entry names none: the files named
beside it @ BVLC rc4 to master and NVIDIA v0.14.5, v0.15.14, v0.16.1, v0.16.6, v0.17.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from protolint.caffe.batchnorm import Affine, BatchNormKind, NormParam
from protolint.caffe.behaviour import Building, Loading, Solving

__all__ = ["Counts", "Dialect", "Engines", "Layouts"]

Counts: TypeAlias = Mapping[str, tuple[int, int | None]]
Engines: TypeAlias = Mapping[str, BatchNormKind]
Layouts: TypeAlias = tuple[tuple[str, ...], ...]


#: The types that every Caffe here registers: the REGISTER_LAYER_CLASS lines and creators
#: of src/caffe/layer_factory.cpp.
_LAYER_TYPES = frozenset(
    (
        "AbsVal", "Accuracy", "ArgMax", "BatchNorm", "BNLL", "Concat", "ContrastiveLoss",
        "Convolution", "Data", "Deconvolution", "Dropout", "DummyData", "Eltwise", "Embed",
        "EuclideanLoss", "Exp", "Filter", "Flatten", "HDF5Data", "HDF5Output", "HingeLoss",
        "Im2col", "ImageData", "InfogainLoss", "InnerProduct", "Log", "LRN", "MemoryData",
        "MultinomialLogisticLoss", "MVN", "Pooling", "Power", "PReLU", "Python", "Reduction",
        "ReLU", "Reshape", "Sigmoid", "SigmoidCrossEntropyLoss", "Silence", "Slice", "Softmax",
        "SoftmaxWithLoss", "Split", "SPP", "TanH", "Threshold", "Tile", "WindowData",
    )
)  # fmt: skip


class Dialect:
    """One Caffe that reads files. It has no state: two of a class are equal."""

    __slots__ = ()

    name: ClassVar[str]
    title: ClassVar[str]
    #: The schema that it reads files with (protolint.caffe.descriptors.load_schema).
    schema: ClassVar[str]

    #: What a message calls the owner of a field, where not by its name.
    owner: ClassVar[str] = ""
    #: The Caffe that it adds to: it is named only as owner of what that one has not.
    adds_to: ClassVar[str] = ""
    #: It has taken over what public forks made, so that a file that one of them reads is no
    #: file of its own.
    merges_forks: ClassVar[bool] = False

    # -- BatchNorm: batch_norm_layer.cpp and cudnn_batch_norm_layer.cpp in src/caffe/layers.

    #: The implementation behind each engine name. A Caffe with a single one has no `engine`
    #: field in batch_norm_param.
    engines: ClassVar[Engines]
    #: The engine of a layer that names none, in a build that has its library and in one
    #: that has not (src/caffe/layer_factory.cpp).
    default_engine: ClassVar[str] = "CAFFE"
    default_engine_alone: ClassVar[str] = "CAFFE"
    #: The layouts that its weight files may have, in groups: the first that fits counts.
    file_layouts: ClassVar[Layouts]
    #: The field of batch_norm_param that gives a layer gamma and beta where it has them on
    #: request, and whether a filler for one of them asks for both.
    affine_field: ClassVar[str] = ""
    fillers_ask_for_affine: ClassVar[bool] = False
    #: A gamma without filler starts at 0, not 1 (LayerSetUp @ v0.14.5, v0.15.14).
    gamma_starts_at_zero: ClassVar[bool] = False
    #: Axes a BatchNorm bottom needs (v0.16.1 and later read axes 2 and 3).
    least_axes: ClassVar[int] = 2
    #: Exactly three `param` blocks of a BatchNorm are set to 0 when a file is read
    #: (UpgradeNetBatchNorm in upgrade_proto.cpp @ BVLC rc4); not in a net inside a solver.
    zeroes_three_params: ClassVar[bool] = False
    #: The layer keeps the solver from its statistics itself (LayerSetUp @ BVLC rc4, v0.16.1).
    masks_statistics: ClassVar[bool] = False
    #: The layer sets lr_mult and decay_mult of gamma and beta to 1 (LayerSetUp @ v0.16.1).
    forces_affine_multipliers: ClassVar[bool] = False
    #: A Scale that reads a BatchNorm's top becomes its gamma and beta when the net is built and
    #: when weights are loaded, so that files with and without the Scale fit (CompileNet in
    #: net.cpp @ intel/caffe 1.1.6).
    merges_scale: ClassVar[bool] = False
    #: A BatchNorm below a convolution, and its Scale, are folded into it when a net is built for
    #: TEST (RemoveBNScale in remove_batch_norm.cpp @ intel/caffe 1.1.6).
    folds_for_test: ClassVar[bool] = False
    #: OpenCV's importer computes its BatchNorm rightly (modules/dnn @ 4.9): mean, variance,
    #: factor and perhaps gamma and beta, with a default eps of 1e-5.
    batchnorm_is_opencvs: ClassVar[bool] = False

    #: Nets and weights can be converted to it, not only from it.
    can_be_written: ClassVar[bool] = True

    # -- Weight files.

    loading: ClassVar[Loading] = Loading()
    #: Values go into BlobProto.raw_data unless the solver asks for the old format, and may be
    #: halves (Blob::ToProto @ v0.16.1).
    writes_raw_data: ClassVar[bool] = False
    #: Some of its releases write a factor of 0 beside statistics that are no sums, as nothing
    #: ever sets the blob (batch_norm_layer.cpp @ v0.16.1 to v0.16.4; v0.16.5 starts it at 1).
    may_write_factor_zero: ClassVar[bool] = False
    #: Layers may compute in half precision (Type FLOAT16 in caffe.proto @ v0.16.1).
    computes_halves: ClassVar[bool] = False

    # -- Nets: src/caffe/net.cpp, src/caffe/util/upgrade_proto.cpp.

    #: The names that `type` of a layer may have.
    layer_types: ClassVar[frozenset[str]] = _LAYER_TYPES
    #: The fields `input`, `input_shape` and `input_dim` are kept without a shape, which is an
    #: error then; elsewhere UpgradeNetInput drops inputs without one.
    keeps_inputs_without_shape: ClassVar[bool] = False
    #: Net::Init reads those fields itself, so that a net inside a solver, which nothing
    #: upgrades, has its inputs too (net.cpp @ v0.14.5).
    reads_inputs_of_inline_nets: ClassVar[bool] = False
    #: Of a net with `layers` and `layer` the latter are dropped; elsewhere the file is refused
    #: (UpgradeV1Net).
    drops_layers_of_mixed_nets: ClassVar[bool] = False
    #: How many bottoms or tops a layer type takes here, least and most (None: no bound), where
    #: that is not what the catalogue of layers has (include/caffe/layers).
    other_bottoms: ClassVar[Counts] = MappingProxyType({})
    other_tops: ClassVar[Counts] = MappingProxyType({})
    #: ArgMax without an axis keeps the number of axes; elsewhere it gives three at least
    #: (Reshape of argmax_layer.cpp @ v0.14.5).
    argmax_keeps_axes: ClassVar[bool] = False
    #: Layer types that work in place in this Caffe, and not in others.
    works_in_place: ClassVar[frozenset[str]] = frozenset()
    #: Eltwise SUM writes into its first bottom, and its bottoms share one gradient
    #: (eltwise_layer.cpp @ v0.17.0; `eltwise_mem_sharing` from v0.17.1 on turns it off).
    shares_eltwise_memory: ClassVar[bool] = False
    #: Of values as large as the label's each counts as better (accuracy_layer.cpp @ BVLC master);
    #: elsewhere only those of a later class, and no label at all is NaN.
    accuracy_counts_ties_as_wrong: ClassVar[bool] = False
    #: SigmoidCrossEntropyLoss obeys ignore_label and normalization; elsewhere it divides by the
    #: batch size (sigmoid_cross_entropy_loss_layer.cpp @ BVLC master, v0.15.14, v0.17.4).
    sigmoid_loss_reads_loss_param: ClassVar[bool] = False
    #: A gaussian filler with a mean above its std aborts (caffe_rng_gaussian in
    #: math_functions.cpp @ v0.16.1).
    checks_gaussian_mean: ClassVar[bool] = False
    #: DIGITS makes nets for it, by stages in one file.
    used_by_digits: ClassVar[bool] = False
    #: Fields that change how fast or in what precision something is computed, what is printed
    #: or how it is stored, not what is computed, as "Message.field".
    harmless_fields: ClassVar[frozenset[str]] = frozenset()

    #: What it does in another way than others while it builds a net.
    building: ClassVar[Building] = Building()

    # -- Solvers: src/caffe/solver.cpp, src/caffe/solvers.

    #: The names that `type` of a solver may have.
    solver_types: ClassVar[frozenset[str]] = frozenset(
        ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
    )
    #: The solver has no `type`, but `solver_type`, an enum (caffe.proto @ v0.14.5).
    names_solvers_by_enum: ClassVar[bool] = False
    #: `test_initialization: false` keeps the solver from testing before the first step.
    obeys_test_initialization: ClassVar[bool] = True
    #: What it does in another way than others while it makes a solver and steps.
    solving: ClassVar[Solving] = Solving()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<Dialect {self.name}>"

    def batchnorm(self, engine: str, *, with_cudnn: bool = True) -> BatchNormKind:
        """Return the implementation behind an `engine` as written ("" or "DEFAULT": unset)."""
        return self.engines[self.resolve_engine(engine, with_cudnn=with_cudnn)]

    def resolve_engine(self, engine: str, *, with_cudnn: bool = True) -> str:
        """Return the engine that runs, such as "CAFFE" or "CUDNN", for one as written.

        DEFAULT is CUDNN in every build that has cuDNN, in CPU mode too
        (src/caffe/layer_factory.cpp @ v0.14.5, v0.15.1, v0.17.4).
        """
        if engine in self.engines:
            return engine
        return self.default_engine if with_cudnn else self.default_engine_alone

    def kind_of(self, layout: str) -> BatchNormKind:
        """Return the implementation whose layers have a layout, or else that of engine CAFFE."""
        for kind in self.kinds:
            if layout and layout in (kind.layout, kind.affine_layout):
                return kind
        return self.engines["CAFFE"]

    def asks_for_affine(self, param: NormParam) -> bool:
        """Return whether a layer of a kind that has gamma and beta on request asks for them."""
        return False

    def trains_in_place(self, *, affine: bool) -> bool:
        """Return whether each of its BatchNorms with (or without) gamma and beta does."""
        never = Affine.NEVER if affine else Affine.ALWAYS
        return all(k.affine is never or k.trains_in_place(affine=affine) for k in self.kinds)

    def registers(self, layer_type: str) -> bool:
        """Return whether a layer may have a type."""
        return layer_type in self.layer_types

    def knows_field(self, message: str, field: str) -> bool:
        """Return whether the schema has a field, as in ("BatchNormParameter", "engine")."""
        from protolint.caffe.descriptors import load_schema

        found = load_schema(self.schema).messages.get(message)
        return found is not None and field in found.fields

    @property
    def kinds(self) -> tuple[BatchNormKind, ...]:
        """The BatchNorm implementations of all engines."""
        return tuple(self.engines.values())

    @property
    def has_engines(self) -> bool:
        """Whether batch_norm_param has an `engine` to choose from."""
        return len(self.engines) > 1

    @property
    def engines_differ_in_layout(self) -> bool:
        """Whether weights of one engine do not fit another (0.14: order, 0.15: shapes)."""
        layouts = {(kind.layout, kind.affine_layout) for kind in self.kinds}
        return len(layouts) > 1 and not self.merges_scale

    @property
    def layouts(self) -> frozenset[str]:
        """The layouts that its own BatchNorms have when they run."""
        return frozenset(n for k in self.kinds for n in (k.layout, k.affine_layout) if n)

    @property
    def has_plain_batchnorm(self) -> bool:
        """Whether a BatchNorm can be without gamma and beta."""
        return any(kind.affine is not Affine.ALWAYS for kind in self.kinds)

    @property
    def has_affine_batchnorm(self) -> bool:
        """Whether a BatchNorm can hold gamma and beta."""
        return any(kind.affine is not Affine.NEVER for kind in self.kinds)

    @property
    def checks_statistics_lr(self) -> bool:
        """Whether some BatchNorm aborts where a statistic has an lr_mult other than 0."""
        return any(kind.checks_statistics_lr for kind in self.kinds)

    @property
    def obeys_global_stats(self) -> bool:
        """Whether some BatchNorm looks at use_global_stats."""
        return any(not kind.ignores_global_stats for kind in self.kinds)

    @property
    def ignores_global_stats(self) -> bool:
        """Whether some BatchNorm does not look at use_global_stats."""
        return any(kind.ignores_global_stats for kind in self.kinds)

    @property
    def has_input_layer(self) -> bool:
        """Whether there is a layer type Input."""
        return "Input" in self.layer_types

    @property
    def has_scale_layer(self) -> bool:
        """Whether there is a layer type Scale."""
        return "Scale" in self.layer_types

    @property
    def keeps_sums(self) -> bool:
        """Whether a BatchNorm divides its statistics by their factor when it runs."""
        return any(kind.sums for kind in self.kinds)

    @property
    def ignores_factor(self) -> bool:
        """Whether three blobs are taken as they are, by the reader and by the layer."""
        return self.has_unused_factor and not self.loading.divides

    @property
    def has_unused_factor(self) -> bool:
        """Whether a BatchNorm has a factor blob that it does not use when it runs."""
        return any("factor" in kind.blobs and not kind.sums for kind in self.kinds)
