"""More of WT010: what a third blob of one value makes of the order."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_OWN_FIVE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { %s data: [0.1, 0.2] }
  blobs { %s data: [1, 2] }
  blobs { %s data: %s }
  blobs { %s data: [3, 4] }
  blobs { %s data: [5, 6] }
}
"""
_OWN_ONE = "shape { dim: 1 }"
_OWN_FLAT, _OWN_WIDE = "shape { dim: 2 }", "shape { dim: [1, 2, 1, 1] }"
_SINGLE = "shape { dim: [1, 1, 1, 1] }"

_OLD = _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_FLAT, "[7, 8]", _OWN_FLAT, _OWN_ONE)

_OWN_SINGLES = (
    'layer { name: "bn" type: "BatchNorm"\n'
    + "".join(f"  blobs {{ shape {{ dim: 1 }} data: {v} }}\n" for v in (3, 2, 1, 1.5, -0.25))
    + "}\n"
)


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
    WeightsExample(
        "nvidia-0.17", _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "1", _OWN_FLAT, _OWN_FLAT)
    ),
    WeightsExample(
        "nvidia-0.14", _OWN_FIVE % (_OWN_WIDE, _OWN_WIDE, _SINGLE, "0", _OWN_WIDE, _OWN_WIDE)
    ),
    WeightsExample("nvidia-0.17", _OLD.replace("[5, 6]", "0")),
    WeightsExample(
        "bvlc",
        _OWN_FIVE.partition("  blobs { %s data: [3, 4] }")[0]
        % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "1")
        + "}\n",
    ),
    WeightsExample(
        "intel", _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "999.98", _OWN_FLAT, _OWN_FLAT)
    ),
    WeightsExample(
        "nvidia-0.17",
        _OWN_FIVE.replace("[5, 6]", "5").replace("[3, 4]", "3")
        % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "1", _OWN_ONE, _OWN_ONE),
    ),
    WeightsExample(
        "nvidia-0.17", _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_FLAT, "[7, 8]", _OWN_FLAT, _OWN_FLAT)
    ),
    WeightsExample("nvidia-0.14", _OWN_SINGLES),
    WeightsExample(
        "bvlc",
        'layer { name: "bn" type: "BatchNorm"\n'
        + "".join(f"  blobs {{ shape {{ dim: 1 }} data: {v} }}\n" for v in (3, 2, 1))
        + "}\n",
    ),
)
_SINGLES = 'layer { name: "bn" type: "BatchNorm"' + f" blobs {{ {_ONE} data: 2 }}" * 5 + "}\n"
INVALID = (
    InvalidWeights("nvidia-0.16", _SINGLES, ("bn",), hdf5=True, name="m.h5"),
    InvalidWeights(
        "nvidia-0.17",
        _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "999.98", _OWN_FLAT, _OWN_FLAT),
        ("bn",),
    ),
    InvalidWeights(
        "nvidia-0.17",
        _OWN_SINGLES,
        ("bn",),
    ),
    InvalidWeights("nvidia-0.15", _OWN_SINGLES, ("bn",)),
    InvalidWeights(
        "nvidia-0.14",
        _OWN_FIVE % (_OWN_FLAT, _OWN_FLAT, _OWN_ONE, "999.98", _OWN_FLAT, _OWN_FLAT),
        ("bn",),
    ),
)
