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
def test_the_last_shares_are_small_so_that_all_workers_end_at_one_time(workers: int) -> None:
    files = [str(i) for i in range(1000)]
    shares = jobs.shares_of(files, [30_000] * 1000, workers)
    lengths = [len(share) for share in shares]
    assert lengths[:-1] == sorted(lengths[:-1], reverse=True)
    assert lengths[0] == 1000 // (2 * workers)
    assert lengths[-1] <= 1000 / (10 * workers)


def test_of_weights_little_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.caffemodel").write_bytes(bytes(3_000_000))
    (tmp_path / "a.prototxt").write_text("x" * 1_600_000)
    (tmp_path / "b.prototxt").write_text("x" * 1_600_000)
    weights, *texts = (str(path) for path in sorted(tmp_path.iterdir()))
    assert jobs.workers_for([weights, texts[0]], 0) == 1
    assert jobs.workers_for(["missing.prototxt", weights], 0) == 1
