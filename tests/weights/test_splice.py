from __future__ import annotations

import errno
import fcntl
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Barrier, current_thread, main_thread
from threading import enumerate as all_threads
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.errors import InputError, ProtolintError, UsageError
from protolint.files import AtomicFile, replace_file
from protolint.source import Span
from protolint.weights.files import FileState, mapped
from protolint.weights.index import index_file, index_model
from protolint.weights.splice import (
    Change,
    Copy,
    Generated,
    Piece,
    ReadAt,
    changed_layer,
    message,
    size_of,
    spliced,
    whole_file,
    write_spliced,
)
from protolint.wire import length_delimited

SOURCE = bytes(range(256)) * 40


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source of 10 kB that is no net; splicing does not look at what it copies."""
    path = tmp_path / "source.bin"
    path.write_bytes(SOURCE)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to write into, so that what is left behind can be seen."""
    path = tmp_path / "out"
    path.mkdir()
    return path


def made(data: bytes, pieces: list[Piece]) -> bytes:
    """The bytes of a plan without generated pieces."""
    return b"".join(
        data[piece.start : piece.end] if isinstance(piece, Copy) else piece
        for piece in pieces
        if not isinstance(piece, Generated)
    )


@settings(deadline=None)
@given(
    cuts=st.lists(st.integers(0, 60), max_size=12),
    new=st.lists(st.binary(max_size=4), min_size=6, max_size=6),
)
def test_changes_replace_ranges_and_keep_the_rest(cuts: list[int], new: list[bytes]) -> None:
    data = bytes(range(60))
    cuts = sorted(min(cut, 60) for cut in cuts)
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    changes = [Change(a, b, (text,)) for (a, b), text in zip(pairs, new, strict=False)]
    expected, at = b"", 0
    for change in changes:
        expected += data[at : change.start] + made(b"", list(change.pieces))
        at = change.end
    pieces = spliced(Span(0, 60), changes)
    assert made(data, pieces) == expected + data[at:]
    assert size_of(pieces) == len(expected + data[at:])


def test_without_changes_everything_is_one_copy() -> None:
    assert spliced(Span(5, 9), []) == [Copy(5, 9)]
    assert spliced(Span(0, 9), [Change(4, 4, ()), Change(6, 6, (Copy(6, 6), b""))]) == [Copy(0, 9)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([Change(0, 5, ()), Change(4, 6, ())], id="overlap"),
        pytest.param([Change(8, 11, ())], id="past the end"),
        pytest.param([Change(6, 5, ())], id="backwards"),
    ],
)
def test_impossible_changes_are_refused(changes: list[Change]) -> None:
    with pytest.raises(ValueError, match="overlaps or is out of range"):
        spliced(Span(0, 10), changes)


def test_a_changed_layer_has_its_new_length(caffe: Any) -> None:
    net = caffe.NetParameter(name="net")
    for name in ("a", "b", "c"):
        layer = net.layer.add(name=name, type="InnerProduct")
        layer.blobs.add(data=[1.0] * 50).shape.dim.append(50)
    data = net.SerializeToString() + bytes(3)
    index = index_model("net", data)
    blob, type_ = index.layers[1].blobs[0], index.layers[1].fields[1]
    new = caffe.BlobProto(data=[2.0])
    changes = [
        Change(blob.field.start, blob.field.end, message(7, (new.SerializeToString(),))),
        Change(type_.end, type_.end, (length_delimited(3, b"bottom"),)),
    ]
    result = made(data, whole_file(index, [changed_layer(index.layers[1], changes)]))
    net.layer[1].blobs[0].CopyFrom(new)
    net.layer[1].bottom.append("bottom")
    assert result == net.SerializeToString() + bytes(3)


def test_layers_are_dropped_and_added(caffe: Any) -> None:
    net = caffe.NetParameter(name="net")
    for name in ("a", "b", "c"):
        net.layer.add(name=name)
    data = net.SerializeToString()
    first, second, _ = index_model("net", data).layers
    added = message(100, (length_delimited(1, b"new"),))
    changes = [Change(*second.field, ()), Change(first.field.end, first.field.end, added)]
    parsed = caffe.NetParameter.FromString(
        made(data, whole_file(index_model("net", data), changes))
    )
    assert [layer.name for layer in parsed.layer] == ["a", "new", "c"]


def test_every_length_around_a_v0_layer_is_corrected(caffe: Any) -> None:
    net = caffe.NetParameter()
    for name in ("one", "two"):
        net.layers.add(bottom=["data"]).layer.name = name
    net.layers[0].layer.blobs.add(data=[1.0])
    data = net.SerializeToString()
    index = index_model("net", data)
    inner, bottom = index.layers[0].inner[0], index.layers[0].fields[1]
    changes = [
        Change(inner.start, inner.end, (length_delimited(1, b"renamed" * 30),)),
        Change(bottom.start, bottom.end, (length_delimited(2, b"image"),)),
    ]
    net.layers[0].layer.name = "renamed" * 30
    net.layers[0].bottom[0] = "image"
    result = made(data, whole_file(index, [changed_layer(index.layers[0], changes)]))
    assert result == net.SerializeToString()


def test_a_copy_without_changes_is_the_file(source: Path, folder: Path) -> None:
    target = folder / "copy.bin"
    assert write_spliced(str(source), str(target), [Copy(0, len(SOURCE))]) == len(SOURCE)
    assert target.read_bytes() == SOURCE
    assert os.listdir(folder) == ["copy.bin"]


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel copies", "copied by hand"])
def test_pieces_are_written_in_order(
    source: Path, folder: Path, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        monkeypatch.setattr(os, "copy_file_range", failing(errno.EXDEV), raising=False)

    def make(read_at: ReadAt) -> bytes:
        return bytes(read_at(10, 3))[::-1]

    seen: list[int] = []
    pieces: list[Piece] = [Copy(0, 250), Copy(250, 9000), b"new", Generated(3, make), Copy(0, 5)]
    written = write_spliced(str(source), str(folder / "f"), pieces, progress=seen.append)
    expected = SOURCE[:9000] + b"new" + SOURCE[10:13][::-1] + SOURCE[:5]
    assert (folder / "f").read_bytes() == expected
    assert written == len(expected) == seen[-1]
    assert seen == sorted(seen)


def test_large_ranges_are_copied_wherever_they_lie(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "large"
    content = os.urandom(1 << 16) * 20 + b"end"
    source.write_bytes(content)
    pieces: list[Piece] = [Copy(0, 300_001), b"12345", Copy(300_001, len(content)), Copy(7, 9)]
    write_spliced(str(source), str(folder / "f"), pieces)
    expected = content[:300_001] + b"12345" + content[300_001:] + content[7:9]
    assert (folder / "f").read_bytes() == expected


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of a few KiB are written in parts, by two threads, and the disk begins early.

    Whole parts are mapped, and written in three steps; what is less is read.
    """
    monkeypatch.setattr("protolint.weights.splice._PART_BYTES", 1000)
    monkeypatch.setattr("protolint.weights.splice._MAPPED_BYTES", 500)
    monkeypatch.setattr("protolint.files._WRITE_BYTES", 400)
    monkeypatch.setattr("protolint.files._EARLY_BYTES", 3000)


LONG: list[Piece] = [
    Copy(0, 4096),
    b"new",
    Copy(4099, 9000),
    Generated(3, lambda _: b"!!!"),
    Copy(1, 9999),
]
LONG_MADE = SOURCE[:4096] + b"new" + SOURCE[4099:9000] + b"!!!" + SOURCE[1:9999]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("without", ["", "threads", "places", "kernel copies"])
def test_two_threads_write_what_one_does(
    source: Path, folder: Path, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if without == "threads":
        monkeypatch.setattr("threading.Thread.start", failing(0, RuntimeError))
    elif without == "places":
        monkeypatch.setattr("protolint.files.ANYWHERE", False)
        monkeypatch.setattr("protolint.weights.splice.ANYWHERE", False)
    if without in ("places", "kernel copies"):
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    seen: list[int] = []
    write_spliced(str(source), str(folder / "f"), LONG, progress=seen.append)
    assert (folder / "f").read_bytes() == LONG_MADE
    assert seen == sorted(seen)
    assert seen[-1] == len(LONG_MADE)


@pytest.mark.usefixtures("small_parts")
def test_what_fails_in_one_thread_ends_the_other(source: Path, folder: Path) -> None:
    """Whichever of them it is, and however much is left."""
    gate, threads, others = Barrier(2, timeout=60), set[str](), set(all_threads())

    def make(read_at: ReadAt, in_main: bool) -> bytes:
        gate.wait()
        threads.add(current_thread().name)
        if in_main == (current_thread() is main_thread()):
            raise UsageError("does not fit")
        return bytes(read_at(0, 2000))

    for in_main in (False, True):
        part = Generated(2000, partial(make, in_main=in_main))
        with pytest.raises(UsageError, match="does not fit"):
            write_spliced(str(source), str(folder / "f"), [part, part, *[Copy(0, 9999)] * 1000])
        assert os.listdir(folder) == []
        assert others.issuperset(all_threads())
    assert len(threads) == 3


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("plan", [LONG * 100, [Copy(1, 9999)] * 1000], ids=["made", "copied"])
def test_an_interrupt_ends_both_threads(source: Path, folder: Path, plan: list[Piece]) -> None:
    def interrupt(written: int) -> None:
        if written:
            raise KeyboardInterrupt

    others = set(all_threads())
    with pytest.raises(KeyboardInterrupt):
        write_spliced(str(source), str(folder / "f"), plan, progress=interrupt)
    assert os.listdir(folder) == []
    assert others.issuperset(all_threads())


def test_a_python_without_kernel_copies_works_too(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    write_spliced(str(source), str(folder / "f"), [Copy(1, 10_000)])
    assert (folder / "f").read_bytes() == SOURCE[1:10_000]


def test_the_umask_decides_about_a_new_file(source: Path, folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write_spliced(str(source), str(folder / "f"), [b"x"])
    finally:
        os.umask(before)
    assert (folder / "f").stat().st_mode & 0o777 == 0o640


def test_a_replaced_file_keeps_its_mode(source: Path, folder: Path) -> None:
    target = folder / "f"
    target.write_bytes(b"old")
    target.chmod(0o604)
    write_spliced(str(source), str(target), [b"new"], overwrite=True)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o604)
    source.chmod(0o600)
    write_spliced(str(source), str(source), [Copy(1, 3)], in_place=True)
    assert (source.read_bytes(), source.stat().st_mode & 0o777) == (SOURCE[1:3], 0o600)


def test_the_file_is_checked_before_it_gets_its_name(source: Path, folder: Path) -> None:
    def verify(path: str) -> None:
        assert Path(path).read_bytes() == b"new"
        assert Path(path).parent == folder
        assert not (folder / "f").exists()
        raise InputError("f", "differs")

    with pytest.raises(InputError, match="differs"):
        write_spliced(str(source), str(folder / "f"), [b"new"], verify=verify)
    assert os.listdir(folder) == []


def test_targets_that_must_not_be_written(source: Path, folder: Path) -> None:
    (folder / "old").write_bytes(b"old")
    (folder / "link").symlink_to(source)
    os.link(source, folder / "hard")
    os.mkfifo(folder / "fifo")
    for target, message_ in (
        (source, "is the source"),
        (folder / "hard", "is the source"),
        (folder / "old", "exists"),
        (folder / "link", "is the source"),
        (folder / "fifo", "not a regular file"),
        (folder, "is a directory"),
    ):
        with pytest.raises(UsageError, match=message_) as caught:
            write_spliced(str(source), str(target), [b"x"])
        assert str(caught.value).startswith(f"{target}: ")
    with pytest.raises(UsageError, match="is not the source"):
        write_spliced(str(source), str(folder / "old"), [b"x"], in_place=True)
    with pytest.raises(UsageError, match="is not the source"):
        write_spliced(str(source), str(folder / "f"), [b"x"], in_place=True)
    with pytest.raises(InputError, match="there is no folder"):
        write_spliced(str(source), str(folder / "none" / "f"), [b"x"])
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        write_spliced(str(source), str(source / "f"), [b"x"])
    assert sorted(os.listdir(folder)) == ["fifo", "hard", "link", "old"]
    assert (source.read_bytes(), (folder / "old").read_bytes()) == (SOURCE, b"old")


def test_a_link_is_followed_and_stays(source: Path, folder: Path) -> None:
    real = folder / "real"
    for name in ("link", "again"):
        (folder / name).symlink_to("real")
        write_spliced(str(source), str(folder / name), [b"new"], overwrite=name == "again")
        assert (folder / name).is_symlink()
        assert real.read_bytes() == b"new"
    (folder / "in place").symlink_to(source)
    write_spliced(str(source), str(folder / "in place"), [b"changed"], in_place=True)
    assert (folder / "in place").is_symlink()
    assert source.read_bytes() == b"changed"
    with pytest.raises(UsageError, match=r"again: exists"):
        write_spliced(str(source), str(folder / "again"), [b"new"])


def test_a_small_file_is_replaced_by_the_same_rule(folder: Path) -> None:
    real, link = folder / "real", folder / "link"
    link.symlink_to("real")
    replace_file(str(link), b"one")
    real.chmod(0o604)
    replace_file(str(link), b"two")
    assert (link.is_symlink(), real.read_bytes()) == (True, b"two")
    assert real.stat().st_mode & 0o777 == 0o604
    with pytest.raises(InputError, match=r"cannot be written: Is a directory"):
        replace_file(str(folder), b"three")
    assert sorted(os.listdir(folder)) == ["link", "real"]


def test_sources_that_cannot_be_read(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for source, message_ in (
        (tmp_path / "fifo", "not a regular file"),
        (tmp_path / "none", "No such file"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(InputError, match=message_):
            write_spliced(str(source), str(folder / "f"), [b"x"])
    assert os.listdir(folder) == []


def failing(code: int, kind: type[Exception] = OSError) -> Callable[..., int]:
    """A system call that always fails."""

    def call(*arguments: object) -> int:
        raise kind(code, os.strerror(code))

    return call


@pytest.mark.parametrize("call", ["pwrite", "copy_file_range", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_disk_gives_one_message_and_leaves_nothing(
    source: Path, folder: Path, call: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "f").write_bytes(b"old")
    monkeypatch.setattr(os, call, failing(code))
    with pytest.raises(InputError) as caught:
        write_spliced(str(source), str(folder / "f"), [Copy(0, 9), b"x"], overwrite=True)
    monkeypatch.undo()
    reason = os.strerror(code)
    assert str(caught.value) == f"{folder}/f: cannot be written: {reason}; nothing was changed"
    assert os.listdir(folder) == ["f"]
    assert (folder / "f").read_bytes() == b"old"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written(
    source: Path, folder: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match=os.strerror(code)):
        write_spliced(str(source), str(folder / "f"), [b"x"])


def test_a_limit_on_file_size_is_a_message(source: Path, folder: Path) -> None:
    script = (
        "import resource, signal, sys\n"
        "from protolint.errors import InputError\n"
        "from protolint.weights.splice import Copy, write_spliced\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n"
        "    write_spliced(sys.argv[1], sys.argv[2], [Copy(0, 10240)])\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(source), str(folder / "f")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{folder}/f: cannot be written: File too large; nothing was changed\n"
    assert os.listdir(folder) == []


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_a_file_that_appears_meanwhile_is_not_overwritten(
    source: Path, folder: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "f"
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(UsageError, match="has appeared meanwhile"):
        write_spliced(str(source), str(target), [b"x"], verify=lambda _: appear(target))
    assert (os.listdir(folder), target.read_bytes()) == (["f"], b"other")


def appear(target: Path) -> None:
    """Another program writes the target."""
    target.write_bytes(b"other")


def test_a_file_system_without_links_is_enough(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    write_spliced(str(source), str(folder / "f"), [b"x"])
    assert os.listdir(folder) == ["f"]


def test_a_source_that_changes_while_it_is_copied_is_refused(source: Path, folder: Path) -> None:
    with mapped(str(source)) as (_, state):
        pass

    def change(read_at: ReadAt) -> bytes:
        source.write_bytes(source.read_bytes() + b"more")
        return bytes(read_at(0, 2))

    with pytest.raises(InputError, match="has changed since it was read"):
        write_spliced(str(source), str(folder / "f"), [Generated(2, change)], state=state)
    assert os.listdir(folder) == []
    with mapped(str(source)) as (_, state):
        pass
    write_spliced(str(source), str(folder / "f"), [Copy(0, 2)], state=state)
    assert (folder / "f").read_bytes() == SOURCE[:2]


def test_a_source_that_changed_is_refused(source: Path, folder: Path, caffe: Any) -> None:
    source.write_bytes(caffe.NetParameter(name="net").SerializeToString())
    state = index_file(str(source)).state
    assert isinstance(state, FileState)
    write_spliced(str(source), str(folder / "f"), [Copy(0, 2)], state=state)
    source.write_bytes(b"other")
    with pytest.raises(InputError, match="has changed since it was read"):
        write_spliced(str(source), str(folder / "g"), [Copy(0, 2)], state=state)
    assert os.listdir(folder) == ["f"]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("when", ["before it is mapped", "while it is mapped"])
def test_a_source_that_is_cut_short_is_refused(
    source: Path, folder: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages of a mapping go with the file, which the kernel calls a bad address."""
    name = "mmap.mmap" if when == "before it is mapped" else "os.pwrite"
    real = pkgutil.resolve_name(name.replace(".", ":"))

    def cut(*given: Any, **named: Any) -> Any:
        os.truncate(source, 0)
        return real(*given, **named)

    monkeypatch.delattr(os, "copy_file_range", raising=False)
    monkeypatch.setattr(name, cut)
    with pytest.raises(InputError, match="ends before byte 900; start again"):
        write_spliced(str(source), str(folder / "f"), [Copy(1, 900)])
    assert os.listdir(folder) == []


def test_a_source_that_is_too_short_is_refused(source: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="ends before byte 10241"):
        write_spliced(str(source), str(folder / "f"), [Copy(0, len(SOURCE) + 1)])
    assert os.listdir(folder) == []


def test_a_piece_must_be_as_long_as_it_says(source: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match="a piece of 5 bytes made 1"):
        write_spliced(str(source), str(folder / "f"), [Generated(5, lambda _: b"x")])
    assert os.listdir(folder) == []


def test_an_interrupt_leaves_nothing(source: Path, folder: Path) -> None:
    def interrupt(written: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_spliced(str(source), str(folder / "f"), [Copy(0, 9)], progress=interrupt)
    assert os.listdir(folder) == []


def test_a_killed_process_leaves_no_half_file(tmp_path: Path, folder: Path) -> None:
    source, target = tmp_path / "big", folder / "f"
    source.write_bytes(os.urandom(1 << 20) * 12)
    size = source.stat().st_size
    script = (
        "import sys\n"
        "from protolint.weights.splice import Copy, write_spliced\n"
        "plan = [Copy(at, at + 65536) for at in range(0, int(sys.argv[3]), 65536)]\n"
        "print('ready', flush=True)\n"
        "write_spliced(sys.argv[1], sys.argv[2], plan)\n"
    )
    for moment in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(source), str(target), str(size)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(moment * 0.004)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        if target.exists():
            assert target.read_bytes() == source.read_bytes()
            target.unlink()
    assert source.stat().st_size == size


def left_by_a_killed_process(target: Path) -> Path:
    """The temporary file of a process that was killed while it wrote a target."""
    script = (
        "import os, signal, sys\n"
        "from protolint.files import AtomicFile\n"
        "AtomicFile(sys.argv[1]).write(b'half')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    before = set(target.parent.iterdir())
    subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    (left,) = set(target.parent.iterdir()) - before
    assert left.read_bytes() == b"half"
    return left


@pytest.mark.skipif(sys.platform == "win32", reason="no locks that end with a process")
def test_what_a_killed_process_left_goes_when_its_target_is_written(
    source: Path, folder: Path
) -> None:
    """Not that of another target, nor what only has such a name."""
    left = left_by_a_killed_process(folder / "f")
    other = left_by_a_killed_process(folder / "g")
    link = folder / ".f.protolint-2"
    link.symlink_to(source)
    kept = folder / ".f.protolint-notes"
    kept.touch()
    write_spliced(str(source), str(folder / "f"), [Copy(0, 9)])
    assert not left.exists()
    assert set(folder.iterdir()) == {folder / "f", other, link, kept}


@pytest.mark.parametrize("finished", [False, True])
def test_what_another_process_is_writing_stays(source: Path, folder: Path, finished: bool) -> None:
    with AtomicFile(str(folder / "f")) as first:
        first.write(b"first")
        if finished:
            first.finish()
        write_spliced(str(source), str(folder / "f"), [b"second"])
        if not finished:
            first.finish()
        first.publish(replace=True)
    assert os.listdir(folder) == ["f"]
    assert (folder / "f").read_bytes() == b"first"


def test_without_locks_nothing_is_taken_for_left(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = folder / ".f.protolint-1"
    left.touch()
    monkeypatch.setattr("protolint.leftovers._LOCKS", False)
    write_spliced(str(source), str(folder / "f"), [b"x"])
    assert left.exists()
    monkeypatch.setattr("protolint.leftovers._LOCKS", True)
    monkeypatch.setattr("fcntl.flock", failing(errno.ENOLCK))
    write_spliced(str(source), str(folder / "f"), [b"x"], overwrite=True)
    assert left.exists()


def test_a_file_that_is_taken_for_left_is_made_again(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process looked between the making of a file and its lock, and removed it."""
    taken: list[str] = []
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if not taken:
            (path,) = folder.iterdir()
            taken.append(path.name)
            path.unlink()
        real(descriptor, how)

    monkeypatch.setattr("fcntl.flock", flock)
    write_spliced(str(source), str(folder / "f"), [b"x"])
    assert taken
    assert os.listdir(folder) == ["f"]


@pytest.mark.parametrize("room", [0, 1, 4095, 4096, 200_000, 262_144 + 7])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_disk_that_fills_up_while_it_is_written(
    tmp_path: Path, folder: Path, room: int, old: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system writes what fits, then says that no space is left."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    if old is not None:
        (folder / "f").write_bytes(old)
    real, left = os.pwrite, room

    def write(descriptor: int, data: memoryview, at: int) -> int:
        nonlocal left
        if left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(descriptor, data[:left], at)
        left -= written
        return written

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "copy_file_range", failing(errno.ENOSYS))
    with pytest.raises(InputError, match=r"f: cannot be written: No space left on device; nothing"):
        write_spliced(str(source), str(folder / "f"), [b"x", Copy(7, 300_000)], overwrite=True)
    monkeypatch.undo()
    assert os.listdir(folder) == ([] if old is None else ["f"])
    assert old is None or (folder / "f").read_bytes() == old


def test_a_long_name_is_not_too_long_for_its_temporary_file(source: Path, folder: Path) -> None:
    target = folder / ("\N{SNOWMAN}" * 80)
    write_spliced(str(source), str(target), [b"x"])
    assert os.listdir(folder) == [target.name]


def test_every_failure_is_an_error_of_protolint() -> None:
    assert issubclass(UsageError, ProtolintError)
    assert issubclass(InputError, ProtolintError)
