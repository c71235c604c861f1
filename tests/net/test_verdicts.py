"""What protolint says of nets, against what real builds of each Caffe did with them.

A tenth of the verdicts is in fixtures/oracle; where all are at hand, a sample of those is tried
(scripts/verify_oracle.py tries every one).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.sample import every

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FIXTURES = REPOSITORY / "fixtures" / "oracle"
ALL = REPOSITORY.parent / "shared" / "oracle"
NAMES = sorted(
    path.name
    for path in FIXTURES.glob("*-*.jsonl.gz")
    if path.name.startswith(("human-", "mixed-", "random-"))
)
SOLVERS = "solvers.jsonl.gz"


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    path = REPOSITORY / "scripts" / "verify_oracle.py"
    spec = importlib.util.spec_from_file_location("verify_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_oracle"] = module
    spec.loader.exec_module(module)
    return module


def agree(oracle: ModuleType, path: Path, every: int = 1) -> float:
    """Compare one in `every` verdicts of a file; the share of those that are the real ones."""
    dialect = path.name.removesuffix(".jsonl.gz").partition("-")[2]
    result = oracle.compare(path, dialect, every)
    # Whether a dropout_ratio of 0 or 1 aborts is up to the compiler's options, not to the text.
    # DIGITS writes the source of data into a net later, so that one that lacks it is open.
    left_open = ("dropout_ratio", "source_missing")
    wrong = [case for case in result.wrong if not any(c in case.changes for c in left_open)]
    folded = [case for case in wrong if dialect == "intel" and case.state == "TEST"]
    assert len(folded) <= 1
    assert [case for case in wrong if case not in folded] == []
    assert all(case.verdict is None for case in result.wrong if case not in folded)
    assert result.share("about", "aborts") >= 0.98
    assert result.shapes == []
    right: float = result.share("right", "states")
    return right


@pytest.mark.parametrize("name", NAMES)
def test_a_tenth_of_the_verdicts(oracle: ModuleType, name: str) -> None:
    agree(oracle, FIXTURES / name)


@pytest.mark.skipif(not ALL.is_dir(), reason="the verdicts are not at hand")
@pytest.mark.parametrize("name", NAMES)
def test_the_verdicts(oracle: ModuleType, name: str) -> None:
    # In a tenth, a single net that is left open weighs more than it does in all.
    assert agree(oracle, ALL / name, every(4)) >= 0.995


def solvers_agree(oracle: ModuleType, path: Path, every: int = 1) -> None:
    found = oracle.compare_solvers(path, every)
    assert found.keys() == {"bvlc", "ssd", "nvidia-0.15", "nvidia-0.17"}
    assert [text for result in found.values() for text in result.wrong] == []


def test_a_tenth_of_the_solvers(oracle: ModuleType) -> None:
    solvers_agree(oracle, FIXTURES / SOLVERS)


@pytest.mark.skipif(not ALL.is_dir(), reason="the verdicts are not at hand")
def test_the_solvers(oracle: ModuleType) -> None:
    solvers_agree(oracle, ALL / SOLVERS, every(10))
