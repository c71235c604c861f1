"""Let every system call of the verbs that write fail, or end the process there, one after another.

    python scripts/faults.py                 convert, deploy, upgrade, recalibrate, format, --fix
    python scripts/faults.py --every 5       every fifth call only
    python scripts/faults.py --scene fix     the scenes that have this word

A child process counts its calls of os.open, write, fsync, rename, link and the like, then is run
again for each of them: the call fails with EIO or ENOSPC, or the process gets SIGKILL or SIGTERM
before or after it. After each run every file holds its old or its new bytes, whole; an error that
says that nothing was changed has changed nothing; exit 0 has written all. What is all or nothing
is half done after a SIGKILL at most, and then the next run starts from what was there. The next
run is clean, and nothing of the first is left. Exit code 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / "fixtures" / "golden" / "bvlc-master-9b89154"
BROKEN = 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" bottom: "y" phaze: 1 }\n'

#: The process that is run: it patches os, and then is protolint.
CHILD = """
import os, signal, sys
wanted, kind, log = int(sys.argv[1]), sys.argv[2], sys.argv[3]
count = 0
def patched(name, real):
    def call(*args, **kwargs):
        global count
        if name == "open" and not (args[1] & (os.O_WRONLY | os.O_RDWR)):
            return real(*args, **kwargs)
        count += 1
        if count != wanted:
            return real(*args, **kwargs)
        if kind.isdigit():
            if name == "close":
                real(*args, **kwargs)
            raise OSError(int(kind), os.strerror(int(kind)))
        signal_name, when = kind.split("-")
        if when == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), getattr(signal, signal_name))
        if when == "before":
            return real(*args, **kwargs)
    return call
from protolint.cli import main
import protolint.files, protolint.publish, protolint.conversion.run, protolint.cli.check
for name in %r:
    if hasattr(os, name):
        setattr(os, name, patched(name, getattr(os, name)))
_exit = os._exit
def leave(code):
    if log != "-":
        with open(log, "w") as file:
            file.write(str(count))
    _exit(code)
os._exit = leave
main(sys.argv[4:])
"""
CALLS = (
    "open", "write", "writev", "fsync", "fdatasync", "rename", "replace", "link", "unlink", "close",
    "ftruncate", "copy_file_range", "sendfile", "fchmod", "fchown", "chmod",
)  # fmt: skip
KINDS = (
    str(errno.EIO), str(errno.ENOSPC), "SIGKILL-before", "SIGKILL-after", "SIGTERM-before",
    "SIGTERM-after",
)  # fmt: skip


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
    odd = (REPOSITORY / "fixtures" / "nets" / "digits_opening_post.prototxt").read_bytes()
    yield Scene("fix", (*fix, "a.prototxt"), {"a.prototxt": odd})
    several = {f"{name}.prototxt": odd for name in "abc"}
    yield Scene("fix, three", (*fix, "."), several, together=False)
    deploy = ("deploy", "--isolated", *pair, "-o", "made/")
    yield Scene("deploy, new pair", deploy, pair, again=False)
    old = {"made/a.prototxt": b"old\n", "made/b.caffemodel": b"old too"}
    yield Scene("deploy, pair by force", (*deploy, "--force"), {**pair, **old})
    layers = b'layers {name: "r" type: RELU   bottom: "x" top: "y"}  # old\n'
    for verb in ("upgrade", "format"):
        places = {f"{name}.prototxt": layers for name in "ab"}
        arguments = (verb, "--isolated", "--in-place", *places)
        yield Scene(f"{verb}, two in place", arguments, places, together=False)
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


def run(folder: Path, scene: Scene, at: int, kind: str, log: str = "-") -> tuple[int, str]:
    """Run a scene with one fault; return the exit code and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD % (CALLS,), str(at), kind, log, *scene.arguments],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def wrong(
    scene: Scene, new: dict[str, bytes], folder: Path, at: int, kind: str, usual: int
) -> list[str]:
    """Return what does not hold after one fault; `usual` is the exit code without one."""
    lay_out(folder, scene.files)
    code, said = run(folder, scene, at, kind)
    left = found_in(folder)
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
    if "nothing was changed" in said and scene.together and changed:
        found.append(f"says that nothing was changed, but {', '.join(changed)}")
    if "Traceback" in said:
        found.append(f"a traceback: {said.splitlines()[-1][:200]}")
    if scene.together and code == 0 and half:
        found.append("exit 0, and not all is written")
    if half and not killed:
        found.append(f"half done: {', '.join(changed)} of {', '.join(due)}")
    again, words = run(folder, scene, 0, "0")
    left = found_in(folder)
    if half or scene.again or not changed:
        if again not in (0, usual):
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


def main() -> int:
    """Try every call of every scene and print a line for each that is not right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth call")
    parser.add_argument("--scene", help="only scenes whose name has this word")
    options = parser.parse_args()
    failures = tried = 0
    with tempfile.TemporaryDirectory() as place:
        folder, log = Path(place) / "files", Path(place) / "count"
        for scene in scenes():
            if options.scene and options.scene not in scene.name:
                continue
            lay_out(folder, scene.files)
            usual, _ = run(folder, scene, 0, "0", str(log))
            new, calls = found_in(folder), int(log.read_text())
            for at in range(1, calls + 1, options.every):
                for kind in KINDS:
                    tried += 1
                    for problem in wrong(scene, new, folder, at, kind, usual):
                        failures += 1
                        print(f"{scene.name}, call {at}, {_named(kind)}: {problem}", flush=True)
            print(f"{scene.name}: {calls} calls, {tried} faults so far", flush=True)
    print(f"{tried} faults, {failures} problems")
    return 1 if failures else 0


def _named(kind: str) -> str:
    return os.strerror(int(kind)) if kind.isdigit() else kind


if __name__ == "__main__":
    sys.exit(main())
