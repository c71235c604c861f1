"""Let every system call of the verbs that write fail, or end the process there, one after another.

    python scripts/faults.py                 convert, deploy, upgrade, recalibrate, format, --fix
    python scripts/faults.py --every 5       every fifth call only
    python scripts/faults.py --scene fix     the scenes that have this word

A child process notes its calls of os.open, write, fsync, rename, link and the like, then is run
again for each of them: the call fails with EIO or ENOSPC, a write writes half and then the disk is
full, every change from there on fails as on a disk that is read-only now, or the process gets
SIGKILL or SIGTERM before or after the call. After each run every file holds its old or its new
bytes, whole; an error that says that nothing was changed has changed nothing, and leaves nothing
beside them; exit 0 has written all. What is all or nothing is half done after a SIGKILL at most, or
where the message says so, and then the next run starts from what was there. The next run is clean,
and nothing of the first is left. Exit code 1 where one of these does not hold.

Each run is a fork of this process, which has imported what the verbs need. It has therefore no
threads of NumPy's libraries, which a signal could reach in place of the main thread.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from protolint.cli import main as protolint

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / "fixtures" / "golden" / "bvlc-master-9b89154"
NETS = REPOSITORY / "fixtures" / "nets"

WRITES = ("write", "writev", "pwrite", "copy_file_range", "sendfile")
CALLS = (
    *WRITES, "open", "close", "dup", "fsync", "fdatasync", "rename", "replace", "link", "symlink",
    "unlink", "remove", "mkdir", "rmdir", "ftruncate", "truncate", "fchmod", "fchown", "chmod",
    "utime", "posix_fallocate",
)  # fmt: skip
#: What a disk that is read-only still does.
HARMLESS = ("close", "dup")
HALF, READ_ONLY = "half", "read-only"
ERRORS = (str(errno.EIO), str(errno.ENOSPC))
KILLS = ("SIGKILL-before", "SIGKILL-after", "SIGTERM-before", "SIGTERM-after")

#: After so many seconds a run is ended, and counts as one that hangs.
LIMIT = 120


class Fault(NamedTuple):
    """What happens at which call; the first is 1, and at 0 nothing happens."""

    at: int = 0
    kind: str = ""

    def __str__(self) -> str:
        return os.strerror(int(self.kind)) if self.kind.isdigit() else self.kind


class Shim:
    """Stands between a process and os: notes calls, and lets the fault happen."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.calls: list[str] = []
        for name in CALLS:
            if hasattr(os, name):
                setattr(os, name, self._instead(name, getattr(os, name)))

    def _instead(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            writes = name != "open" or args[1] & (os.O_WRONLY | os.O_RDWR)
            if not writes and not _is_below(args[0]):
                return real(*args, **kwargs)
            self.calls.append(name)
            at, kind = self.fault
            if at and len(self.calls) > at:
                if kind == READ_ONLY and writes and name not in HARMLESS:
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
                if kind == HALF and name in WRITES:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if len(self.calls) != at:
                return real(*args, **kwargs)
            return self._strike(name, real, *args, **kwargs)

        return call

    def _strike(self, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        kind = self.fault.kind
        if kind == HALF and name in ("write", "pwrite"):
            return real(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
        if kind == HALF:
            return real(args[0], args[1], args[2] // 2, *args[3:], **kwargs)
        if kind == READ_ONLY:
            if name in HARMLESS:
                return real(*args, **kwargs)
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if kind.isdigit():
            if name == "close":  # Linux closes what it says it could not.
                real(*args, **kwargs)
            raise OSError(int(kind), os.strerror(int(kind)))
        number, _, when = kind.partition("-")
        if when == "before":
            os.kill(os.getpid(), getattr(signal, number))
        result = real(*args, **kwargs)
        if when == "after":
            os.kill(os.getpid(), getattr(signal, number))
        return result


def _is_below(path: object) -> bool:
    """Return whether a path is in the working directory, which a scene has for itself."""
    return isinstance(path, str) and os.path.abspath(path).startswith(os.getcwd())


class Scene(NamedTuple):
    """A command, and the files it finds in its folder.

    `together` are results of which all are there or none, `again` whether the command can be
    given once more when they are there.
    """

    name: str
    arguments: tuple[str, ...]
    files: dict[str, bytes]
    together: bool = True
    again: bool = True


class Usual(NamedTuple):
    """What a scene does without a fault: its exit code, its calls, and the files then."""

    code: int
    calls: list[str]
    files: dict[str, bytes]


def scenes() -> Iterator[Scene]:
    """Yield what is tried."""
    net, model = ((GOLDEN / f"brook.{end}").read_bytes() for end in ("prototxt", "caffemodel"))
    to = ("convert", "--isolated", "--from", "bvlc", "--to", "nvidia-0.17")
    yield Scene("convert, new", (*to, "b.caffemodel", "-o", "made.caffemodel"),
                {"b.caffemodel": model}, again=False)  # fmt: skip
    yield Scene(
        "convert, in place",
        (*to, "--in-place", "b.caffemodel"),
        {"b.caffemodel": model},
        again=False,
    )
    three = {"a.prototxt": net, "b.caffemodel": model, "c.caffemodel": model}
    yield Scene("convert, three in place", (*to, "--in-place", *three), three, again=False)
    pair = {"a.prototxt": net, "b.caffemodel": model}
    yield Scene("convert, new pair", (*to, *pair, "-o", "made/"), pair, again=False)
    kept = {**three, "made/a.prototxt": b"old\n", "made/b.caffemodel": b"old too"}
    yield Scene("convert, three by force", (*to, "--force", *three, "-o", "made/"), kept)
    fix = ("check", "--isolated", "--target", "bvlc", "--fix", "--unsafe-fixes")
    post = (NETS / "digits_opening_post.prototxt").read_bytes()
    yield Scene("fix", (*fix, "a.prototxt"), {"a.prototxt": post})
    several = {f"{name}.prototxt": post for name in "abc"}
    yield Scene("fix, three", (*fix, "."), several, together=False)
    quiet = ("check", "--isolated", "--target", "bvlc", "--add-suppressions", "kept as it is")
    yield Scene("suppressions, three", (*quiet, "."), several, together=False)
    deploy = ("deploy", "--isolated", *pair, "-o", "made/")
    yield Scene("deploy, new pair", deploy, pair, again=False)
    old = {"made/a.prototxt": b"old\n", "made/b.caffemodel": b"old too"}
    yield Scene("deploy, pair by force", (*deploy, "--force"), {**pair, **old})
    training = (NETS / "bvlc_train_val.prototxt").read_bytes()
    nets = {f"{name}.prototxt": training for name in "abc"}
    alone = ("deploy", "--isolated", "--input-shape", "data=1,3,8,8")
    yield Scene("deploy, one net", (*alone, "a.prototxt", "-o", "made.prototxt"),
                {"a.prototxt": training}, again=False)  # fmt: skip
    yield Scene("deploy, three in place", (*alone, "--in-place", *nets), nets, together=False)
    layers = b'layers {name: "r" type: RELU   bottom: "x" top: "y"}  # old\n'
    for verb in ("upgrade", "format"):
        places = {f"{name}.prototxt": layers for name in "abc"}
        arguments = (verb, "--isolated", "--in-place", *places)
        yield Scene(f"{verb}, three in place", arguments, places, together=False)
    images = (GOLDEN / "brook.input.npy").read_bytes()
    again = ("recalibrate", "--isolated", "--target", "bvlc", "--data", "x.npy", "--least", "2")
    yield Scene("recalibrate, in place", (*again, "--in-place", *pair), {**pair, "x.npy": images})


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a scene into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def found_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Stage:
    """A folder in which scenes are run, each in a process of its own."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "files"
        #: What the next run does from each state of the folder, of the scene that is tried.
        self._next: dict[object, tuple[int, str, dict[str, bytes]]] = {}
        self._output = place / "output"
        self._notes = place / "notes"

    def usual(self, scene: Scene) -> Usual:
        """Run a scene without a fault, and import here what it has imported."""
        self._next.clear()
        lay_out(self.folder, scene.files)
        code, _ = self.run(scene, Fault())
        notes = json.loads(self._notes.read_text())
        for name in notes["modules"]:
            with suppress(ImportError):
                importlib.import_module(name)
        return Usual(code, notes["calls"], found_in(self.folder))

    def run(self, scene: Scene, fault: Fault) -> tuple[int, str]:
        """Run a scene with a fault; return the exit code and what was printed."""
        sys.stdout.flush()
        process = os.fork()
        if not process:
            self._be_protolint(scene, fault)
        _, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status), self._output.read_text(errors="replace")

    def next_run(self, scene: Scene) -> tuple[int, str, dict[str, bytes]]:
        """Run a scene from what is there; return its exit code and output, and the files then."""
        folders = [str(path) for path in self.folder.rglob("*") if path.is_dir()]
        state = frozenset(found_in(self.folder).items()), frozenset(folders)
        if state not in self._next:
            self._next[state] = (*self.run(scene, Fault()), found_in(self.folder))
        return self._next[state]

    def _be_protolint(self, scene: Scene, fault: Fault) -> NoReturn:
        signal.alarm(LIMIT)
        output = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(self.folder)
        leave, before = os._exit, set(sys.modules)
        shim = Shim(fault)

        def note_and_leave(code: int) -> NoReturn:
            if not fault.at:
                modules = sorted(set(sys.modules) - before)
                notes = {"calls": shim.calls, "modules": modules}
                self._notes.write_text(json.dumps(notes))
            leave(code)

        os._exit = note_and_leave  # type: ignore[assignment]
        try:
            protolint([*scene.arguments])
        finally:
            leave(70)


def wrong(stage: Stage, scene: Scene, usual: Usual, fault: Fault) -> list[str]:
    """Return what does not hold after one fault."""
    lay_out(stage.folder, scene.files)
    code, output = stage.run(scene, fault)
    left = found_in(stage.folder)
    new = usual.files
    found = []
    names = set(scene.files) | set(new)
    for name in sorted(names):
        old = scene.files.get(name)
        if left.get(name) not in (old, new.get(name)):
            found.append(f"{name} is neither as it was nor as it will be")
    changed = [name for name in names if left.get(name) != scene.files.get(name)]
    due = [name for name in names if new.get(name) != scene.files.get(name)]
    killed = code == -signal.SIGKILL
    half = scene.together and bool(changed) and sorted(changed) != sorted(due)
    if code == -signal.SIGALRM:
        found.append(f"takes more than {LIMIT} seconds")
    if "nothing was changed" in output and scene.together and changed:
        found.append(f"says that nothing was changed, but {', '.join(changed)}")
    if "standard output" in output:
        found.append("blames standard output")
    if "Traceback" in output:
        found.append(f"a traceback: {output.splitlines()[-2:]}")
    if code == usual.code and sorted(changed) != sorted(due):
        found.append(f"ends with {code}, and not all is written")
    if half and not killed and " already " not in output:
        found.append(f"half done: {', '.join(changed)} of {', '.join(due)}")
    rest = set(left) - names
    keeps = fault.kind == READ_ONLY or usual.calls[fault.at - 1] in ("unlink", "remove")
    if rest and code >= 0 and not keeps:
        found.append(f"left after an error: {', '.join(sorted(rest))}")
    again, words, left = stage.next_run(scene)
    if half or scene.again or not changed:
        if again not in (0, usual.code):
            found.append(f"the next run ends with {again}: {words.splitlines()[-1][:200]}")
        found += [
            f"{name} is not as the next run makes it" for name in due if left.get(name) != new[name]
        ]
    if half and "that is undone" not in words:
        found.append("the next run does not say what it has undone")
    rest = set(left) - names
    if rest and again == 0:
        found.append(f"left after the next run: {', '.join(sorted(rest))}")
    return found


def faults_of(calls: list[str], every: int) -> Iterator[Fault]:
    """Yield the faults of each Nth call."""
    for at in range(1, len(calls) + 1, every):
        kinds = (*ERRORS, *((HALF,) if calls[at - 1] in WRITES else ()), READ_ONLY, *KILLS)
        yield from (Fault(at, kind) for kind in kinds)


def main() -> int:
    """Try every call of every scene and print a line for each that is not right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth call")
    parser.add_argument("--scene", help="only scenes whose name has this word")
    options = parser.parse_args()
    failures = tried = tried_scenes = all_calls = 0
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place))
        for scene in scenes():
            if options.scene and options.scene not in scene.name:
                continue
            usual = stage.usual(scene)
            for fault in faults_of(usual.calls, options.every):
                tried += 1
                for problem in wrong(stage, scene, usual, fault):
                    failures += 1
                    call = f"call {fault.at} ({usual.calls[fault.at - 1]})"
                    print(f"{scene.name}, {call}, {fault}: {problem}", flush=True)
            tried_scenes += 1
            all_calls += len(usual.calls)
            print(f"{scene.name}: {len(usual.calls)} calls, {tried} faults so far", flush=True)
    print(f"{tried_scenes} scenes, {all_calls} calls, {tried} faults, {failures} problems")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
