"""Files that appear whole or not at all, and several of them together."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import protolint
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.files import AtomicFile, replace_file
from protolint.publish import publish_all, put_back

GOLDEN = Path(__file__).parent.parent / "fixtures/golden/bvlc-master-9b89154"
NET = b"""
name: "n"
input: "data"
input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "r" type: "ReLU" bottom: "data" top: "r" }
"""


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two files with old contents."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old a")
    second.write_bytes(b"old b")
    return first, second


def _publish(*paths: Path, replace: bool = True) -> None:
    with ExitStack() as stack:
        files = []
        for path in paths:
            file = stack.enter_context(AtomicFile(str(path)))
            file.write(b"new")
            file.finish()
            files.append(file)
        publish_all(files, replace=replace)


def _refuse(monkeypatch: pytest.MonkeyPatch, name: str, target: Path) -> None:
    """Let the system refuse to give the name of one file."""
    real = getattr(os, name)

    def refusing(source: str, wanted: str) -> None:
        if os.fspath(wanted) == str(target):
            raise PermissionError(1, "Operation not permitted")
        real(source, wanted)

    monkeypatch.setattr(os, name, refusing)


def test_room_that_was_asked_for_adds_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the system finds it or not."""
    monkeypatch.setattr("protolint.files._EARLY_BYTES", 4)
    for size in (2, 4, 9, 1 << 62):
        with AtomicFile(str(tmp_path / f"{size}")) as file:
            file.write(b"head ")
            file.expect(size + 5)
            file.write(b"x" * min(size, 9))
            file.finish()
            file.publish()
        assert (tmp_path / f"{size}").read_bytes() == b"head " + b"x" * min(size, 9)


def test_all_have_their_names_and_nothing_is_left(pair: tuple[Path, Path]) -> None:
    _publish(*pair)
    assert [path.read_bytes() for path in pair] == [b"new", b"new"]
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]


def test_what_was_replaced_is_put_back_where_the_second_is_refused(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, "replace", pair[1])
    with pytest.raises(InputError, match=r"b: cannot be written: .*nothing was changed") as caught:
        # Undoing the second is refused as well, which is no loss: nothing replaced it.
        _publish(pair[0], pair[1])
    assert "already" not in str(caught.value)
    assert [path.read_bytes() for path in pair] == [b"old a", b"old b"]
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]


def test_without_hard_links_too(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    _publish(*pair)
    assert [path.read_bytes() for path in pair] == [b"new", b"new"]
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]


def test_a_new_file_goes_again_where_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    second.write_bytes(b"appeared meanwhile")
    with pytest.raises(UsageError, match=r"appeared meanwhile; nothing was changed"):
        _publish(first, second, replace=False)
    assert os.listdir(tmp_path) == ["b"]


def test_what_cannot_be_put_back_is_reported(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace
    count = iter(range(9))

    def only_once(source: str, target: str) -> None:
        if next(count):
            raise PermissionError(1, "Operation not permitted")
        real(source, target)

    monkeypatch.setattr(os, "replace", only_once)
    with pytest.raises(ProtolintError) as caught:
        _publish(*pair)
    message = str(caught.value)
    assert "nothing was changed" not in message
    kept = next(p for p in pair[0].parent.iterdir() if p.name.startswith(".a.protolint-"))
    assert f"{pair[0]} is changed already" in message
    assert str(kept) in message
    assert kept.read_bytes() == b"old a"


def test_a_signal_waits_until_all_have_their_names(pair: tuple[Path, Path]) -> None:
    script = (
        "import os, signal, sys\n"
        "from protolint.files import AtomicFile\n"
        "from protolint.publish import publish_all\n"
        "files = [AtomicFile(path) for path in sys.argv[1:]]\n"
        "for file in files: file.write(b'new'); file.finish()\n"
        "real = os.replace\n"
        "def replace(a, b): real(a, b); os.kill(os.getpid(), signal.SIGTERM)\n"
        "os.replace = replace\n"
        "publish_all(files, replace=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *map(str, pair)], check=False)
    assert done.returncode == -signal.SIGTERM
    assert [path.read_bytes() for path in pair] == [b"new", b"new"]


def test_owner_and_mode_are_kept(pair: tuple[Path, Path]) -> None:
    path = pair[0]
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    before = path.stat()
    assert replace_file(str(path), b"new") == []
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (
        before.st_uid,
        before.st_gid,
        before.st_mode,
    )


def test_an_owner_that_cannot_be_kept_is_reported(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    real = os.stat

    def others(path: str | int) -> os.stat_result:
        found = real(path)
        if path != str(pair[0]):
            return found
        return os.stat_result((*found[:4], 12345, 6789, *found[6:]))

    monkeypatch.setattr(os, "fchown", refused)
    monkeypatch.setattr(os, "stat", others)
    assert replace_file(str(pair[0]), b"new") == ["its owner (user 12345, group 6789)"]


def test_a_hard_link_that_breaks_is_reported(pair: tuple[Path, Path]) -> None:
    os.link(pair[0], pair[0].parent / "c")
    (lost,) = replace_file(str(pair[0]), b"new")
    assert lost == "its other name (hard links), where the old content stays"
    assert (pair[0].parent / "c").read_bytes() == b"old a"


def test_a_new_file_is_no_more_open_than_its_source(tmp_path: Path) -> None:
    source = tmp_path / "n.prototxt"
    source.write_bytes(NET)
    source.chmod(0o600)
    report = protolint.convert(source, to="nvidia-0.17")
    assert stat.S_IMODE(os.stat(report.files[0].output).st_mode) == 0o600


def test_convert_reports_a_hard_link_that_breaks(tmp_path: Path) -> None:
    source = tmp_path / "n.prototxt"
    source.write_bytes(NET)
    os.link(source, tmp_path / "other")
    report = protolint.convert(source, to="nvidia-0.17", in_place=True)
    messages = [note.message for note in report.files[0].notes]
    assert messages == ["not kept: its other name (hard links), where the old content stays"]


@pytest.mark.parametrize("suffix", ["", "-old"])
def test_what_a_killed_run_left_goes_with_the_next(pair: tuple[Path, Path], suffix: str) -> None:
    left = pair[0].parent / f".a.protolint-1{suffix}"
    left.write_bytes(b"left")
    replace_file(str(pair[0]), b"new")
    assert not left.exists()


def test_what_was_kept_aside_stays_where_its_place_is_empty(pair: tuple[Path, Path]) -> None:
    left = pair[0].parent / ".a.protolint-1-old"
    os.rename(pair[0], left)
    replace_file(str(pair[0]), b"new")
    assert left.read_bytes() == b"old a"


def _killed_at(function: str, which: int, *paths: Path, replace: bool = True) -> None:
    """Publish new files in a process that SIGKILL ends before a call of a function of os."""
    script = (
        "import os, signal, sys\n"
        "from protolint.files import AtomicFile\n"
        "from protolint.publish import publish_all\n"
        "files = [AtomicFile(path) for path in sys.argv[1:]]\n"
        "for file in files: file.write(b'new'); file.finish()\n"
        f"real, count = os.{function}, iter(range(99))\n"
        "def call(*args):\n"
        f"    if next(count) == {which}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(*args)\n"
        f"os.{function} = call\n"
        f"publish_all(files, replace={replace})\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *map(str, paths)], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("function", "which"), [("link", 0), ("link", 1), ("replace", 1)])
def test_what_a_killed_run_left_half_done_is_put_back(
    function: str, which: int, pair: tuple[Path, Path]
) -> None:
    _killed_at(function, which, *pair)
    again = put_back([str(pair[1])])
    assert [path.read_bytes() for path in pair] == [b"old a", b"old b"]
    assert again == ([str(pair[0])] if which else [])
    _publish(*pair)
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]


def test_a_new_file_of_a_killed_run_goes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    _killed_at("link", 1, first, second, replace=False)
    assert first.read_bytes() == b"new"
    assert put_back([str(tmp_path)]) == [str(first)]
    assert os.listdir(tmp_path) == []


def test_what_was_written_since_stays(pair: tuple[Path, Path]) -> None:
    _killed_at("replace", 1, *pair)
    replace_file(str(pair[0]), b"newest")
    assert put_back([str(pair[0])]) == []
    assert [path.read_bytes() for path in pair] == [b"newest", b"old b"]
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]


def test_a_run_that_goes_on_is_left_alone(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(source: str, target: str) -> None:
        real(source, target)
        code = "import sys; from protolint.publish import put_back; print(put_back(sys.argv[1:]))"
        command = [sys.executable, "-c", code, str(pair[0].parent)]
        assert subprocess.run(command, capture_output=True, text=True).stdout == "[]\n"

    monkeypatch.setattr(os, "replace", replace)
    _publish(*pair)
    assert [path.read_bytes() for path in pair] == [b"new", b"new"]


@pytest.mark.parametrize(
    "journal",
    [
        "",
        "[[",
        "3",
        '[["a", ".a.protolint-1"]]',
        '[["a", "b", 1, 1]]',
        '[["../a", ".a.protolint-1", 1, 1]]',
        '[["a", ".a.protolint-x", 1, 1], 3]',
        "[" * 9999,
    ],
)
def test_a_journal_that_is_none_does_nothing(journal: str, pair: tuple[Path, Path]) -> None:
    folder = pair[0].parent / "inner"
    folder.mkdir()
    (folder / ".protolint-journal-1").write_text(journal)
    assert put_back([str(folder)]) == []
    assert os.listdir(folder) == []
    assert pair[0].read_bytes() == b"old a"


def test_the_next_convert_starts_from_the_files_that_were_there(tmp_path: Path) -> None:
    names = [tmp_path / f"brook.{end}" for end in ("prototxt", "caffemodel")]
    for name in names:
        name.write_bytes((GOLDEN / name.name).read_bytes())
    arguments = ["convert", "--isolated", "--from", "bvlc", "--to", "nvidia-0.17", "--in-place"]
    command = [*arguments, *map(str, names)]
    script = (
        "import os, signal, sys\n"
        "real = os.replace\n"
        "def replace(a, b): real(a, b); os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = replace\n"
        "from protolint.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    subprocess.run([sys.executable, "-c", script, *command], check=False)
    (changed,) = [n for n in names if n.read_bytes() != (GOLDEN / n.name).read_bytes()]
    done = subprocess.run([sys.executable, "-m", "protolint", *command], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert f"a run that was killed had changed {changed} alone" in " ".join(
        done.stdout.decode().split()
    )
    assert sorted(os.listdir(tmp_path)) == ["brook.caffemodel", "brook.prototxt"]
    assert all(name.read_bytes() != (GOLDEN / name.name).read_bytes() for name in names)


def test_a_lock_that_cannot_be_kept_leaves_nothing(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a process has no more descriptors."""

    def refused(descriptor: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "dup", refused)
    with pytest.raises(InputError, match="a: cannot be written: Too many open files; nothing"):
        replace_file(str(pair[0]), b"new")
    assert sorted(os.listdir(pair[0].parent)) == ["a", "b"]
    assert pair[0].read_bytes() == b"old a"
