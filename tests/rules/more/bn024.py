"""More of BN024: when a net is trained, and what says the size of its batches."""

from protolint.lint.rule import Example, Invalid


def _net(batch: str, batchnorm: str = "", type: str = "Data", field: str = "data_param") -> str:
    return f"""\
layer {{ name: "d" type: "{type}" top: "x" include {{ phase: TRAIN }}
  {field} {{
    {batch}
  }}
}}
layer {{ name: "d" type: "Data" top: "x" include {{ phase: TEST }} data_param {{ batch_size: 1 }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "x" top: "y" {batchnorm} }}
layer {{ name: "c" type: "BatchNorm" bottom: "x" top: "z" {batchnorm} }}
"""


_GLOBAL = "batch_norm_param { use_global_stats: true }"
_SOLVER = {"net_solver.prototxt": 'net: "example.prototxt"\nbase_lr: 0.1\niter_size: 8\n'}

_DATA = 'layer { name: "d" type: "%s" top: "x" top: "label" %s }\n'
_TWO = _DATA % ("Data", "data_param { batch_size: 2 }")
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'
_END = 'layer { name: "l" type: "%s" bottom: "y" bottom: "label" top: "l" %s }\n'
VALID = (
    Example("bvlc", _net("batch_size: 2", "include { phase: TEST }")),
    Example("bvlc", _net("")),
    Example("bvlc", _net("batch_size: 2").replace("BatchNorm", "ReLU")),
    # Nothing is trained.
    Example("bvlc", _net("batch_size: 1").replace(" include { phase: TRAIN }", "")),
    Example(
        "bvlc",
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 8, 8] } } }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n',
    ),
    Example(
        "bvlc", _net("shape { dim: [1, 3, 8, 8] }", type="DummyData", field="dummy_data_param")
    ),
    Example("bvlc", _TWO + _BN + _END % ("Eltwise", "")),
    Example("bvlc", _TWO + _BN + _END % ("EuclideanLoss", "include { phase: TEST }")),
    Example("bvlc", _DATA % ("Data", "") + _BN + _END % ("EuclideanLoss", "")),
    Example(
        "bvlc",
        _DATA % ("DummyData", "dummy_data_param { shape { dim: 2 } }")
        + _BN
        + _END % ("EuclideanLoss", ""),
    ),
    Example("bvlc", _net("batch_size: 2", _GLOBAL)),
    Example("bvlc", _net("batch_size: 8"), _SOLVER),
)
INVALID = (
    Invalid("nvidia-0.17", _net("batch_size: 4", _GLOBAL), (3,)),
    Invalid("bvlc", _net("", type="ImageData", field="image_data_param"), (2,)),
    *(
        Invalid(
            "bvlc", _net("batch_size: 1", type=f"{name}Data", field=f"{field}_data_param"), (3,)
        )
        for name, field in (("HDF5", "hdf5"), ("Memory", "memory"), ("Window", "window"))
    ),
    Invalid(
        "bvlc",
        _net("batch_size: 8"),
        (3,),
        others={"net_solver.prototxt": _SOLVER["net_solver.prototxt"].replace("8", "1")},
    ),
    Invalid("bvlc", _TWO + _BN + _END % ("EuclideanLoss", ""), (1,)),
    Invalid("bvlc", _TWO + _BN + _END % ("Python", ""), (1,)),
    Invalid("bvlc", _net("batch_size: 15"), (3,)),
)
