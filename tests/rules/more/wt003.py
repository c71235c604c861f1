"""More of WT003: files whose factor is no factor."""

from protolint.lint.weights_example import WeightsExample

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
