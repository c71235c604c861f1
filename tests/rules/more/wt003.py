"""More of WT003: files whose factor is no factor."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 3, 4] }
  blobs { shape { dim: 1 } data: %s }%s
}
"""
_UNUSED = """\
layer {
  name: "bn" type: "BatchNorm"
  blobs { shape { dim: 2 } data: [1, 1] }
  blobs { shape { dim: 2 } data: [0, 0] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 2 } data: [3, 4] }
  blobs { shape { dim: 1 } data: 0 }
}
"""
_ZEROS = _BN.replace("0.1, 0.2, 0.3, 0.4", "0, 0, 0, 0").replace("1, 2, 3, 4", "0, 0, 0, 0")
_AFFINE = "\n  blobs { shape { dim: 4 } data: [1, 1, 1, 1] }" * 2

_FIVE = """\
layer {
  name: "bn" type: "BatchNorm"
  blobs { shape { dim: 2 } data: [1, 1] }
  blobs { shape { dim: 2 } data: [0, 0] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 2 } data: [3, 4] }
  blobs { shape { dim: 1 } data: 0 }
}
"""
VALID = tuple(
    WeightsExample(name, _FIVE) for name in ("bvlc", "nvidia-0.14", "nvidia-0.16", "intel")
)

VALID = (
    *VALID,
    WeightsExample("bvlc", _BN % ("999.98", "")),
    WeightsExample("nvidia-0.15", _UNUSED),
    WeightsExample("nvidia-0.17", _UNUSED),
    WeightsExample("nvidia-0.16", _ZEROS % ("0", "")),
    WeightsExample("nvidia-0.16", (_BN % ("0", _AFFINE)).replace("dim: 4", "dim: [1, 4, 1, 1]")),
    WeightsExample("nvidia-0.14", _BN % ("0", _AFFINE)),
)

INVALID = (
    InvalidWeights("nvidia-0.14", _BN % ("0", ""), ("bn",)),
    InvalidWeights("nvidia-0.17", _BN % ("0", ""), ("bn",)),
    InvalidWeights("nvidia-0.16", _BN % ("0", ""), ("bn",)),
    InvalidWeights("nvidia-0.17", _BN % ("0", ""), ("bn",), hdf5=True, name="model.h5"),
    InvalidWeights("bvlc", _ZEROS % ("0", ""), ("bn",)),
    InvalidWeights(
        "nvidia-0.17", (_BN % ("0", "")).replace("0.1, 0.2, 0.3, 0.4", "0, 0, 0, 0"), ("bn",)
    ),
    InvalidWeights("nvidia-0.17", (_BN % ("0", "")).replace("1, 2, 3, 4", "0, 0, 0, 0"), ("bn",)),
    InvalidWeights("nvidia-0.16", _BN % ("0", _AFFINE), ("bn",)),
    InvalidWeights("nvidia-0.17", _BN % ("0", _AFFINE), ("bn",)),
    InvalidWeights("nvidia-0.16", _BN.replace("dim: 4", "dim: [1, 4, 1, 1]") % ("0", ""), ("bn",)),
)
