"""The files of a run are shared out whole, and in order."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from protolint.lint import jobs


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60), st.integers(1, 8))
def test_shares_hold_every_file_once_and_in_order(sizes: list[int], workers: int) -> None:
    files = [f"{i}.prototxt" for i in range(len(sizes))]
    shares = jobs.shares_of(files, sizes, workers)
    assert [path for share in shares for path in share] == files
    assert all(shares)


@given(st.integers(2, 8))
def test_each_worker_has_one_large_share_and_small_ones_level_them(workers: int) -> None:
    files = [str(i) for i in range(3000)]
    shares = jobs.shares_of(files, [30_000] * 3000, workers)
    lengths = [len(share) for share in shares]
    large, between = [*lengths[: workers - 1], lengths[-1]], lengths[workers - 1 : -1]
    assert all(length >= 0.6 * 3000 / workers for length in large)
    assert max(between) <= 3000 / (60 * workers)


def test_of_weights_little_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.caffemodel").write_bytes(bytes(3_000_000))
    (tmp_path / "a.prototxt").write_text("x" * 1_600_000)
    (tmp_path / "b.prototxt").write_text("x" * 1_600_000)
    weights, *texts = (str(path) for path in sorted(tmp_path.iterdir()))
    assert jobs.workers_for([weights, texts[0]], 0) == 1
    assert jobs.workers_for(["missing.prototxt", weights], 0) == 1


def test_standard_input_is_read_by_this_process() -> None:
    assert jobs.workers_for(["-", "a.prototxt"], 2) == 1
