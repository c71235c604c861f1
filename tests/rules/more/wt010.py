"""More of WT010: what a third blob of one value makes of the order."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_FIVE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { %(all)s data: [0.1, 0.2] }
  blobs { %(all)s data: [1, 2] }
  blobs { %(third)s data: %(value)s }
  blobs { %(last)s data: %(four)s }
  blobs { %(last)s data: %(five)s }
}
"""
_FLAT, _ONE = "shape { dim: 2 }", "shape { dim: 1 }"
_WIDE, _WIDE_ONE = "shape { dim: [1, 2, 1, 1] }", "shape { dim: [1, 1, 1, 1] }"
VALID = (
    # Three blobs of one value are in no order that is known.
    WeightsExample(
        "nvidia-0.17",
        _FIVE % {"all": _FLAT, "third": _ONE, "value": 9, "last": _ONE, "four": 3, "five": 4},
    ),
    WeightsExample(
        "nvidia-0.17",
        _FIVE
        % {
            "all": _WIDE,
            "third": _WIDE_ONE,
            "value": 1,
            "last": _WIDE,
            "four": "[1, 1]",
            "five": "[0, 0]",
        },
    ),
)
_SINGLES = 'layer { name: "bn" type: "BatchNorm"' + f" blobs {{ {_ONE} data: 2 }}" * 5 + "}\n"
INVALID = (InvalidWeights("nvidia-0.16", _SINGLES, ("bn",), hdf5=True, name="m.h5"),)
