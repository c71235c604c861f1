"""The last proof of a deployment: both nets are run, and give the same."""

from __future__ import annotations

import os

import numpy as np

from protolint.conversion.prove.opinions import OUTPUT_TOLERANCE
from protolint.conversion.prove.weights import ProofError
from protolint.errors import ProtolintError
from protolint.execution.executor import Executor
from protolint.execution.run import outputs
from protolint.execution.weights import load_weights
from protolint.net.net import Net

__all__ = ["run_both"]

#: Larger weights are not run: their numbers are proven one by one, and a pass takes its time.
_MOST_BYTES = 32 << 20
_SEED = 20171107


def run_both(before: Net, weights: str, after: Net, made: str) -> str:
    """Return how far the outputs of two nets are apart on random input, or why that is not known.

    Raises ProofError where they differ by more than rounding.
    """
    if os.path.getsize(weights) > _MOST_BYTES:
        return ""
    random = np.random.default_rng(_SEED)
    try:
        first = Executor(before, load_weights(weights, before.dialect), before.views[0].state)
        second = Executor(after, load_weights(made, after.dialect), after.views[0].state)
        shapes = {name: [dim or 1 for dim in s.dims] for name, s in first.inputs.items()}
        given = {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
        found, again = first.forward(given), second.forward(given)
    except ProtolintError as error:
        return f"the nets were not run: {error}"
    names = [name for name in outputs(first) if name in again]
    worst = 0.0
    for name in names:
        size = max(1.0, float(np.abs(found[name]).max(initial=0.0)))
        gap = float(np.abs(found[name] - again[name]).max(initial=0.0)) / size
        worst = max(worst, gap)
        if gap > OUTPUT_TOLERANCE:
            raise ProofError(
                f"the deploy net would give other values of '{name}' (off by {gap:.2g} on random"
                " input); nothing was written"
            )
    return f"both nets run on random input: outputs differ by {worst:.1e} at most"
