"""`protolint recalibrate` as a user meets it: table, file, remarks, errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import REPOSITORY

from .command import run, write

TIDE = ("stats/tide.prototxt", "stats/tide_iter_3000.caffemodel")


def test_the_table_shows_before_and_after_and_stats_agree(fixtures: Path, tmp_path: Path) -> None:
    net, weights = (fixtures / name for name in TIDE)
    data, fixed = fixtures / "stats" / "batch.npy", tmp_path / "fixed.caffemodel"
    done = run("recalibrate", net, weights, "--data", data, "-o", fixed)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == ["bn1", "bn2"]
    measured = run("stats", "--net", net, "--data", data, fixed).stdout
    gaps = [line.split()[-2] for line in measured.splitlines()[-2:]]
    assert max(map(float, gaps)) < 1e-5
    again = run("recalibrate", net, weights, "--data", data, "-o", fixed)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_checking_writes_nothing_and_still_channels_are_named(
    fixtures: Path, tmp_path: Path
) -> None:
    net, weights = (fixtures / name for name in TIDE)
    batch = np.load(fixtures / "stats" / "batch.npy")
    np.save(tmp_path / "flat.npy", np.zeros_like(batch))
    before = weights.read_bytes()
    done = run("recalibrate", net, weights, "--data", tmp_path / "flat.npy", "--check")
    assert done.returncode == 1, done.stderr
    assert "channels that do not vary in the data" in done.stderr
    assert weights.read_bytes() == before


def test_wrong_input_is_one_clear_message(fixtures: Path, tmp_path: Path) -> None:
    net, weights = (fixtures / name for name in TIDE)
    few = tmp_path / "few.npy"
    np.save(few, np.load(fixtures / "stats" / "batch.npy")[:1, :, :2, :2])
    for data, message in ((few, "values per channel are too few"), (net, "is no .npy")):
        done = run("recalibrate", net, weights, "--data", data, "-o", tmp_path / "x.caffemodel")
        assert done.returncode == 2
        assert message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "x.caffemodel").exists()


def test_many_weights_have_the_manners_of_all_verbs(fixtures: Path, tmp_path: Path) -> None:
    """Each by itself, and one to standard output, byte for byte."""
    net, weights = (fixtures / name for name in TIDE)
    copies = [
        write(tmp_path, name, weights.read_bytes()) for name in ("a.caffemodel", "b.caffemodel")
    ]
    bad = write(tmp_path, "bad.caffemodel", b"no weights at all")
    options = ("--data", fixtures / "stats" / "batch.npy")
    done = run("recalibrate", net, copies[0], bad, copies[1], *options, "--in-place")
    assert (done.returncode, str(bad) in done.stderr) == (2, True)
    assert copies[0].read_bytes() == copies[1].read_bytes() != weights.read_bytes()
    shown = subprocess.run(
        [sys.executable, "-m", "protolint", "recalibrate", net, weights, *options, "-o", "-"],
        capture_output=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == copies[0].read_bytes()
    assert b"bn1" in shown.stderr
    assert run("recalibrate", net, weights, *options).returncode == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "say with -o where its result goes"), (["-o", "there"], "exists; give another name")],
)
def test_a_result_that_has_no_place_is_refused_before_the_work(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr("protolint.recalibration.run.plan_recalibration", fail)
    (tmp_path / "there").write_text("mine")
    folder = REPOSITORY / "fixtures" / "golden" / "bvlc-master-9b89154"
    files = [folder / f"brook{end}" for end in (".prototxt", ".caffemodel")]
    data = folder / "brook.input.npy"
    done = run("recalibrate", *files, "--data", data, *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
