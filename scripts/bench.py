"""How fast protolint is, as ratios against named peers measured in the same run.

    python scripts/bench.py                    a small net against yamllint on a small YAML file,
                                               and against itself with its solver
    python scripts/bench.py --net deploy.prototxt      reading a net against protobuf's text_format
    python scripts/bench.py --folder nets/             checking a folder against text_format.Parse
    python scripts/bench.py --growth           time per element of awkward files, as they grow
    python scripts/bench.py --scan 1024        looking for NaN in a caffemodel of that many MiB,
                                               against numpy.isfinite on the whole file
    python scripts/bench.py --write 1024       converting a caffemodel of that many MiB, and
                                               deploying it with --fold, against cp and sync, the
                                               shortest of each

Machines are noisy and differ, ratios less so: the two sides take turns, and medians are compared.
Commands run as users have them: the wheel of this checkout in an environment of its own, where
the packages that it needs are those of the environment at hand. An editable install would take
8 ms more at every start. Both sides have their bytecode, whatever PYTHONDONTWRITEBYTECODE says.
Needs the extra [bench] for yamllint, and setuptools.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from importlib import metadata
from pathlib import Path

from bench_growth import growing
from bench_timing import report, report_both, taking_turns, timed
from bench_weights import scanning, writing

REPOSITORY = Path(__file__).resolve().parent.parent
SMALL_NET = REPOSITORY / "fixtures" / "nets" / "bvlc_train_val.prototxt"
SMALL_SOLVER = SMALL_NET.with_name("bvlc_solver.prototxt")
SMALL_YAML = "---\nname: net\nlayers:\n  - name: conv1\n    size: 3\n  - name: pool1\n    size: 2\n"

PARSE_ALL = """
import sys
from google.protobuf import text_format
from protolint.caffe.descriptors import load_schema
schema = load_schema("bvlc")
net, solver = (schema.message_class(name) for name in ("NetParameter", "SolverParameter"))
for path in sys.argv[1:]:
    message = solver() if "solver" in path else net()
    try:
        with open(path, "rb") as file:
            text_format.Parse(file.read(), message)
    except (text_format.ParseError, UnicodeDecodeError):
        pass
"""


def main() -> int:
    """Run the benchmarks that the arguments ask for and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", type=Path, help="a large prototxt to read")
    parser.add_argument("--folder", type=Path, help="a folder of prototxts to check")
    parser.add_argument("--scan", type=int, metavar="MIB", help="size of a caffemodel to scan")
    parser.add_argument("--write", type=int, metavar="MIB", help="size of a caffemodel to write")
    parser.add_argument(
        "--growth", action="store_true", help="check files of more and more elements"
    )
    parser.add_argument("--runs", type=int, default=15, help="runs of each side")
    options = parser.parse_args()
    few = max(3, options.runs // 3)
    with tempfile.TemporaryDirectory() as folder:
        commands = installed(Path(folder))
        start_up(commands, options.runs)
        if options.net:
            reading(options.net, options.runs)
        if options.growth:
            growing(few)
        if options.scan:
            scanning(commands, options.scan, few)
        if options.write:
            writing(commands, options.write, few)
        if options.folder:
            checking(commands, options.folder, few)
    return 0


def installed(folder: Path) -> Path:
    """Install protolint as users do, in an environment below a folder.

    Returns:
        The folder of its commands: python, protolint, yamllint.
    """
    source, environment = folder / "source", folder / "environment"
    for name in ("protolint", "rules", "docs/package"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    venv.create(environment, symlinks=True)
    commands = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--quiet"]
    alone = ["--no-deps", "--no-index"]
    build = ["wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *build, *alone], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    into = ["--python", str(commands / "python"), "install", str(wheel)]
    subprocess.run([*pip, *into, *alone], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    for name in ("click", "numpy", "protobuf", "yamllint", "PyYAML", "pathspec"):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise SystemExit(
                f"{name} is not installed: pip install 'protolint-caffe[bench]'"
            ) from None
        for part in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (packages / part).exists():
                (packages / part).symlink_to(Path(str(found.locate_file(part))).resolve())
    launcher = (commands / "protolint").read_text("utf-8").replace("protolint.cli", "yamllint.cli")
    launcher = launcher.replace("import main", "import run").replace("exit(main", "exit(run")
    (commands / "yamllint").write_text(launcher, "utf-8")
    (commands / "yamllint").chmod(0o755)
    for name in ("protolint", "yamllint"):
        shown = subprocess.run([commands / name, "--version"], check=True, capture_output=True)
        assert shown.stdout, name
    return commands


def start_up(commands: Path, runs: int) -> None:
    """One small file each, and a net with its solver; process start included."""
    check = [str(commands / "protolint"), "check", "net.prototxt"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "small.yaml").write_text(SMALL_YAML, "utf-8")
        shutil.copy(SMALL_NET, Path(folder, "net.prototxt"))
        solver = SMALL_SOLVER.read_text("utf-8").replace(SMALL_NET.name, "net.prototxt")
        Path(folder, "solver.prototxt").write_text(solver, "utf-8")
        alone, solved, theirs, bare = taking_turns(
            [
                check,
                [*check, "solver.prototxt"],
                [str(commands / "yamllint"), "small.yaml"],
                [str(commands / "python"), "-c", "pass"],
            ],
            folder,
            runs,
        )
    report_both("check a small net", alone, theirs, "yamllint on a small YAML file")
    report_both("check it with its solver", solved, alone, "the net alone")
    report_both("check a small net", alone, bare, "an empty program")


def reading(path: Path, runs: int) -> None:
    """Measure reading and checking one net, in this process."""
    from google.protobuf import text_format

    from protolint.caffe.binder import bind
    from protolint.caffe.descriptors import load_schema
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check_text import check_source
    from protolint.net import settled
    from protolint.source import Source
    from protolint.text import parse
    from protolint.text.scan import forget
    from protolint.workspace.workspace import Choices, Workspace

    data = path.read_bytes()
    workspace = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    schema = load_schema("bvlc")
    target = schema.message_class("NetParameter")

    def read() -> None:
        forget()
        bind(schema.messages["NetParameter"], parse(Source(path.name, data)).children)

    def check() -> None:
        forget()
        settled.forget()
        check_source(workspace, Source(path.name, data))

    def peer() -> None:
        text_format.Parse(data, target())

    check()
    rounds = [(timed(read), timed(check), timed(peer)) for _ in range(runs)]
    theirs = [times[2] for times in rounds]
    lines = data.count(b"\n")
    report(f"read {lines} lines", [times[0] for times in rounds], theirs, "text_format.Parse")
    report(f"check {lines} lines", [times[1] for times in rounds], theirs, "text_format.Parse")


def checking(commands: Path, folder: Path, runs: int) -> None:
    """Measure checking every net of a folder against parsing every one, process start included.

    Processor time is that of one process; by the clock as many work as `check` chooses.
    """
    paths = sorted(str(path.resolve()) for path in folder.glob("*.prototxt"))
    check = [str(commands / "protolint"), "check", "--isolated", "--target", "bvlc"]
    check += ["--output-format", "concise"]
    one, several, theirs = taking_turns(
        [
            [*check, "--jobs", "1", *paths],
            [*check, *paths],
            [str(commands / "python"), "-c", PARSE_ALL, *paths],
        ],
        os.getcwd(),
        runs,
    )
    what, peer = f"check {len(paths)} files", "text_format.Parse of each"
    processor = [[spent.processor for spent in side] for side in (one, theirs)]
    wall = [[spent.wall for spent in side] for side in (several, theirs)]
    report(f"{what}, processor time with --jobs 1", processor[0], processor[1], peer)
    report(f"{what}, wall", wall[0], wall[1], peer)


if __name__ == "__main__":
    sys.exit(main())
