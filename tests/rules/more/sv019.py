"""More of SV019: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(pool: str) -> dict[str, str]:
    return {
        "net.prototxt": (
            'layer { name: "d" type: "DummyData" top: "x"\n'
            "  dummy_data_param { shape { dim: [2, 3, 8, 8] } } }\n"
            'layer { name: "p" type: "Pooling" bottom: "x" top: "y"\n'
            f"  pooling_param {{ kernel_size: 2 pool: {pool} }} }}\n"
        )
    }


_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nsolver_mode: %s\n'


VALID = (
    Example("bvlc", _SOLVER % "CPU", _net("MAX")),
    Example("bvlc", _SOLVER % "CPU", _net("STOCHASTIC } include { phase: TEST")),
)

INVALID = (Invalid("nvidia-0.17", _SOLVER % "CPU", (3,), None, _net("STOCHASTIC")),)
