"""A sample of the nets that real builds ran, converted and run; scripts/verify_runs.py runs all."""

from __future__ import annotations

from importlib import import_module

import pytest

verify = import_module("scripts.verify_runs")


@pytest.mark.skipif(not verify.RUNS.is_dir(), reason="needs the shared runs")
def test_what_a_real_build_computed(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--sample", "40"]) == 0
    counts = capsys.readouterr().out.splitlines()
    assert int(counts[0].split()[0]) >= 10
    assert counts[0].endswith("agrees")
