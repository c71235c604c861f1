"""Where results go: the manners that every verb that writes shares."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from protolint.cli.results import BinaryResult, Manners, TextResult
from protolint.errors import InputError, UsageError
from protolint.files import made_folder
from protolint.source import Source


def upper(path: str) -> TextResult:
    """Make text upper case; what holds a zero cannot be done."""
    data = Path(path).read_bytes()
    if b"0" in data:
        raise InputError(path, "holds a zero")
    return TextResult(Source(path, data), data.upper(), ("it was small",) if data.islower() else ())


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three files in the working directory: one to change, one that cannot be done, one done."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("a", "a\n"), ("b", "b0\n"), ("c", "C\n")):
        Path(name).write_text(text)
    return ["a", "b", "c"]


def test_one_that_cannot_be_done_is_left_and_the_rest_is_done(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    untouched = os.stat("c").st_mtime_ns
    assert Manners(in_place=True).each(files, upper) == 2
    assert [Path(name).read_text() for name in files] == ["A\n", "b0\n", "C\n"]
    assert os.stat("c").st_mtime_ns == untouched
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "b: holds a zero" in shown.err
    assert "a: it was small" in shown.err
    assert "changed 1 of 3 files" in shown.err


def test_a_folder_keeps_the_names(files: list[str]) -> None:
    assert Manners("made/").each(["a", "c"], upper) == 0
    assert Path("made/a").read_text() == "A\n"
    assert Path("a").read_text() == "a\n"
    with pytest.raises(UsageError, match="same name"):
        Manners("made/").each(["a", "made/a"], upper)


def test_check_and_diff_write_nothing(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert Manners(check=True).each(["a", "c"], upper) == 1
    assert capsys.readouterr().out == "a: would change\n"
    assert Manners(check=True).each(["c"], upper) == 0
    assert Manners(diff=True).each(["a", "c"], upper) == 0
    assert capsys.readouterr().out == "--- a\n+++ a\n@@ -1 +1 @@\n-a\n+A\n"
    assert Path("a").read_text() == "a\n"


def test_one_text_goes_to_standard_output(
    files: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert Manners().each(["a"], upper) == 0
    assert Manners("-").each(["c"], upper) == 0
    assert capfdbinary.readouterr().out == b"A\nC\n"


def test_files_that_are_there_are_kept(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert Manners("c").each(["a"], upper) == 2
    assert Path("c").read_text() == "C\n"
    assert "c: exists" in capsys.readouterr().err
    assert Manners("c", force=True).each(["a"], upper) == 0
    assert Path("c").read_text() == "A\n"
    assert Manners("a").each(["a"], upper) == 2
    assert "--in-place" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("manners", "paths"),
    [
        (Manners("x", in_place=True), ["a"]),
        (Manners(in_place=True), ["-"]),
        (Manners("x"), ["a", "c"]),
        (Manners(), ["a", "c"]),
        (Manners("x/"), ["-"]),
    ],
)
def test_what_cannot_be_meant(files: list[str], manners: Manners, paths: list[str]) -> None:
    with pytest.raises(UsageError):
        manners.each(paths, upper)


def test_binary_files_are_not_shown(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    written = []

    def made(path: str) -> BinaryResult:
        return BinaryResult(path, True, lambda *how: written.append(how))

    assert Manners().each(["a"], made) == 2
    assert "say with -o" in capsys.readouterr().err
    assert Manners(diff=True).each(["a"], made) == 0
    assert capsys.readouterr().out == "binary file a would change\n"
    assert not written
    assert Manners(in_place=True).each(["a"], made) == 0
    assert written == [("a", True, False)]


def test_a_folder_that_nothing_comes_to_is_not_made(files: list[str]) -> None:
    assert Manners("made/below/").each(["b"], upper) == 2
    assert not Path("made").exists()
    assert Manners("made/below/").each(["b", "c"], upper) == 2
    assert os.listdir("made/below") == ["c"]
    with pytest.raises(UsageError, match="cannot be made"), made_folder("a/b/"):
        pass


def test_a_folder_goes_with_those_that_were_made_for_it(files: list[str]) -> None:
    Path("there").mkdir()
    with suppress(InputError), made_folder("there/x/y/"):
        assert Path("there/x/y").is_dir()
        raise InputError("a", "cannot be written")
    assert os.listdir("there") == []
