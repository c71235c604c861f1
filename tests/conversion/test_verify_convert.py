"""A sample of the models of scripts/verify_convert.py, which runs a thousand."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

import pytest

verify = import_module("scripts.verify_convert")


@pytest.mark.parametrize("number", range(16))
def test_net_and_weights_of_any_two_caffes(number: int, tmp_path: Path) -> None:
    made = verify.model(random.Random(1_000_000 + number))
    found = verify.outcome(made, verify.TARGETS[number % len(verify.TARGETS)], tmp_path)
    assert not found.startswith("WRONG"), f"{made.about}: {found}"
