"""What scripts/fuzz.py has found once, and written to tests/fuzz, is right now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CASES = sorted((REPOSITORY / "tests" / "fuzz").iterdir())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_the_law_holds(path: Path, tmp_path: Path) -> None:
    """The name of a case says its kind, seed and number."""
    kind, seed, number = path.name.split("-")
    if kind == "texts":
        pytest.importorskip("grpc_tools")
    spec = importlib.util.spec_from_file_location("fuzz", REPOSITORY / "scripts" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = fuzz
    spec.loader.exec_module(fuzz)
    case = fuzz.Case(kind, tmp_path)
    assert case.holds(f"{seed}/{kind}/{number}", path.read_bytes()) is None
