"""The bar on stderr: for large files, where somebody sees it, and gone at the end."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from protolint.cli.terminal import progress_bar

LARGE = 200 << 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal()
    # Not sys.stderr itself, which pytest puts back for the test.
    monkeypatch.setattr("protolint.cli.terminal.sys", SimpleNamespace(stderr=terminal))
    return terminal


def test_it_is_drawn_and_taken_away(terminal: Terminal) -> None:
    with progress_bar() as show:
        assert show is not None
        show("net.caffemodel", LARGE // 2, LARGE)
        half = terminal.getvalue()
        assert half == f"\r\x1b[K[{'#' * 15}{'.' * 15}]  50% net.caffemodel"
        show("net.caffemodel", LARGE // 2 + 1, LARGE)
        assert terminal.getvalue() == half  # looks the same
    assert terminal.getvalue() == half + "\r\x1b[K"


def test_it_is_taken_away_after_an_error(terminal: Terminal) -> None:
    def fail() -> None:
        with progress_bar() as show:
            assert show is not None
            show("x", 1, LARGE)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_small_files_have_none(terminal: Terminal) -> None:
    with progress_bar() as show:
        assert show is not None
        show("net.caffemodel", 1, 1000)
    assert terminal.getvalue() == ""


def test_nobody_sees_it_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protolint.cli.terminal.sys", SimpleNamespace(stderr=io.StringIO()))
    with progress_bar() as show:
        assert show is None
