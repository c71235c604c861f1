"""How fast protolint is, as ratios against named peers measured in the same run.

    python scripts/bench.py                    a small net against yamllint on a small YAML file,
                                               and against itself with its solver
    python scripts/bench.py --net deploy.prototxt      reading a net against protobuf's text_format
    python scripts/bench.py --folder nets/             checking a folder against text_format.Parse
    python scripts/bench.py --growth           time per element of awkward files, as they grow
    python scripts/bench.py --scan 1024        looking for NaN in a caffemodel of that many MiB,
                                               against numpy.isfinite on the whole file
    python scripts/bench.py --deploy 1024      deploying a caffemodel of that many MiB with --fold,
                                               against cp and sync, the shortest of each

Machines are noisy and differ, ratios less so: the two sides take turns, and medians are compared.
Commands run as users have them: the wheel of this checkout in an environment of its own, where
the packages that it needs are those of the environment at hand. An editable install would take
8 ms more at every start. Both sides have their bytecode, whatever PYTHONDONTWRITEBYTECODE says.
Needs the extra [bench] for yamllint, and setuptools.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from protolint.diagnostic import Diagnostic

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
    parser.add_argument("--deploy", type=int, metavar="MIB", help="size of a caffemodel to fold")
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
        if options.deploy:
            folding(commands, options.deploy, few)
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
    for name in ("click", "lark", "numpy", "protobuf", "yamllint", "PyYAML", "pathspec"):
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


def report(what: str, ours: list[float], theirs: list[float], peer: str) -> None:
    """Print both medians and their ratio."""
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{what}: {a * 1e3:.1f} ms, {peer}: {b * 1e3:.1f} ms, ratio {a / b:.2f}")


class Seconds(NamedTuple):
    """What a command takes, all of its processes together."""

    processor: float
    wall: float


def seconds_of(command: list[str], folder: str) -> Seconds:
    """Run a command and return what it takes."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    nowhere = subprocess.DEVNULL
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=nowhere, stderr=nowhere, cwd=folder, env=environment)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Seconds(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def taking_turns(commands: list[list[str]], folder: str, runs: int) -> list[list[Seconds]]:
    """Return times of each command, run in turns so that a busy machine slows all alike."""
    times: list[list[Seconds]] = [[] for _ in commands]
    for command in commands:
        seconds_of(command, folder)
    for _ in range(runs):
        for command, found in zip(commands, times, strict=True):
            found.append(seconds_of(command, folder))
    return times


def report_both(what: str, ours: list[Seconds], theirs: list[Seconds], peer: str) -> None:
    """Print a line for processor time, and one by the clock."""
    for way, index in (("processor time", 0), ("wall", 1)):
        report(f"{what}, {way}", [t[index] for t in ours], [t[index] for t in theirs], peer)


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


def timed(work: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def reading(path: Path, runs: int) -> None:
    """Measure reading and checking one net, in this process."""
    from google.protobuf import text_format

    from protolint.caffe.binder import bind
    from protolint.caffe.descriptors import load_schema
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check import check_source
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


def residual_net(layers: int) -> bytes:
    """Return a net of residual blocks as in ResNet, seven layers each, for training."""
    shape = "shape { dim: 1 dim: 64 dim: 56 dim: 56 }"
    text = [f'layer {{ name: "data" type: "Input" top: "x0" input_param {{ {shape} }} }}\n']
    for i in range(max(1, layers // 7)):
        below = f"x{i}"
        for j in "ab":
            name = f"{j}{i}"
            text.append(
                f'layer {{ name: "conv_{name}" type: "Convolution" bottom: "{below}" '
                f'top: "{name}" param {{ lr_mult: 1 }} convolution_param {{ num_output: 64 '
                'kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "msra" } } }\n'
                f'layer {{ name: "bn_{name}" type: "BatchNorm" bottom: "{name}" top: "{name}" }}\n'
                f'layer {{ name: "scale_{name}" type: "Scale" bottom: "{name}" top: "{name}" '
                "scale_param { bias_term: true } }\n"
            )
            below = name
        text.append(
            f'layer {{ name: "sum_{i}" type: "Eltwise" bottom: "x{i}" bottom: "b{i}" '
            f'top: "x{i + 1}" }}\n'
        )
    return "".join(text).encode()


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 4, 8, 8] } } }\n'
_RELU = 'layer { name: "r@" type: "ReLU" %s\n}\n'
_NORM = """\
layer { name: "b@" type: "BatchNorm" bottom: "x" top: "b@"
  param { lr_mult: 1 } batch_norm_param { eps: 1e-12 } }
layer { name: "s@" type: "Scale" bottom: "b@" top: "b@" scale_param { filler { value: 0 } } }
"""


def _times(text: str) -> Callable[[int], str]:
    return lambda count: _INPUT + "".join(text.replace("@", str(i)) for i in range(count))


def _inside(text: str) -> Callable[[int], str]:
    """One layer that has something many times."""
    start = 'layer { name: "c" type: "Concat" top: "y" bottom: "x"\n'
    return lambda count: f"{_INPUT}{start}{''.join(map(text.format, range(count)))}}}\n"


#: Nets in which every layer does what a rule must not compare with all others.
AWKWARD: dict[str, Callable[[int], str]] = {
    "residual blocks, by layer": lambda count: residual_net(count).decode(),
    "bottoms that nothing makes": _times(_RELU % 'bottom: "u@" top: "t@"'),
    "layers that write one top": _times(_RELU % 'bottom: "x" top: "t"'),
    "layers that read one top": _times(_RELU % 'bottom: "x" top: "t@"'),
    "layers in place on one blob": _times(_RELU % 'bottom: "x" top: "x"'),
    "bottoms of one layer": _inside('bottom: "x"\n'),
    "types that nobody knows": _times(_RELU.replace("ReLU", "T@") % 'bottom: "x" top: "t@"'),
    "layers of one name": _times(_RELU.replace("@", "") % 'bottom: "x" top: "x"'),
    "layers that share a parameter": _times(
        'layer { name: "r@" type: "Scale" bottom: "x" top: "t@" param { name: "w" } }\n'
    ),
    "Reshapes overwritten in place": _times(
        'layer { name: "s@" type: "Reshape" bottom: "x" top: "t@" }\n'
        + _RELU % 'bottom: "t@" top: "t@"'
    ),
    "stages, in include": _times(_RELU % 'bottom: "x" top: "t@" include { stage: "s@" }'),
    "stages, in exclude": _times(_RELU % 'bottom: "x" top: "t@" exclude { stage: "s@" }'),
    "includes of one layer": _inside('include {{ stage: "s{}" }}\n'),
    "BatchNorms, three findings each": _times(_NORM),
    "BatchNorms of one name": _times(_NORM.replace("@", "")),
    "lines that are broken": _times('layer { name: "r@" type: "ReLU" bottom: }\n'),
    "comments": lambda count: _INPUT + "# why\n" * count,
    "findings in one line": _times((_RELU % 'bottom: "\u00fc@" top: "t@"').replace("\n", " ")),
    "suppressions": _times(_RELU % 'bottom: "u@" top: "t@" # protolint: ignore[NT001] why'),
    "suppressions above": _times(
        "# protolint: ignore[NT001] why\n" + _RELU % 'bottom: "u@" top: "t@"'
    ),
    "unknown fields": _inside("foo{}: 1\n"),
}
#: Measured from 10,000 to 100,000.
MANY = ("suppressions", "unknown fields", "comments", "bottoms of one layer")


def _checked(text: str, *targets: str) -> Callable[[], object]:
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check import check_source
    from protolint.report import renderer
    from protolint.source import Source
    from protolint.workspace.workspace import Choices, Workspace

    chosen = tuple(DIALECTS[name] for name in targets)
    workspace = Workspace(Choices(targets=chosen, isolated=True))
    data = text.encode()

    def check() -> None:
        reports = check_source(workspace, Source("net.prototxt", data))
        renderer("concise")(reports, False, ())

    _forget()
    return check


def _forget() -> None:
    """Forget what a new process does not know: lines, layers, and the names looked up."""
    from protolint.net import settled
    from protolint.text.scan import forget

    forget()
    settled.forget()
    caches = [found for found in gc.get_objects() if isinstance(found, _Cache)]
    for found in caches:
        # A thousand names fit into a bounded cache, and ten thousand do not.
        if found.__module__.startswith("protolint") and found.cache_parameters()["maxsize"]:
            found.cache_clear()


_Cache = type(cache(len))


def _fixed(count: int) -> Callable[[], object]:
    from protolint.caffe.registry import DIALECTS
    from protolint.lint.check import check_source
    from protolint.lint.fixer import fix_source
    from protolint.source import Source
    from protolint.workspace.workspace import Choices, Workspace

    workspace = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    source = Source("net.prototxt", AWKWARD["BatchNorms, three findings each"](count).encode())

    def findings(source: Source) -> Iterable[Diagnostic]:
        for report in check_source(workspace, source):
            yield from report.diagnostics

    return lambda: fix_source(source, findings, unsafe=True)


def _edited(count: int) -> Callable[[], object]:
    from protolint.lsp.document import Client, Opened, open_document
    from protolint.lsp.findings import diagnostics

    opened = Opened("file:///net", AWKWARD["BatchNorms, three findings each"](count))
    return lambda: diagnostics(open_document(opened, "/net.prototxt", Client()))


def growing(runs: int) -> None:
    """Measure the work on one file, in this process, by element: it must not grow with the file."""
    rows: dict[str, Callable[[int], Callable[[], object]]] = {
        name: (lambda count, make=make: _checked(make(count), "bvlc"))  # type: ignore[misc]
        for name, make in AWKWARD.items()
    }
    norms = AWKWARD["BatchNorms, three findings each"]
    rows["BatchNorms, target inferred"] = lambda count: _checked(norms(count))
    rows["BatchNorms, check --fix"] = _fixed
    rows["BatchNorms, in an editor after a key"] = _edited
    print(f"{'processor time by element':40} {'1,000':>9} {'10,000':>9}  ratio")
    for name, make in rows.items():
        counts = (10_000, 100_000) if name in MANY else (1_000, 10_000)
        make(100)()
        gc.disable()  # As the command does.
        few, many = (min(timed(make(c)) for _ in range(runs)) / c * 1e6 for c in counts)
        gc.enable()
        more = " (from 10,000 to 100,000)" if name in MANY else ""
        print(f"{name:40} {few:6.1f} us {many:6.1f} us  {many / few:.2f}{more}", flush=True)


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


def model_of(path: Path, mebibytes: int) -> None:
    """Write a caffemodel with layers of 16 MiB of random floats each."""
    import numpy as np

    from protolint.weights.blobs import Form, encode_blob
    from protolint.wire import length_delimited

    random = np.random.default_rng(1)
    with path.open("wb") as file:
        for number in range(max(1, mebibytes // 16)):
            values = random.standard_normal((1024, 4096), dtype=np.float32)
            blob = length_delimited(7, encode_blob(values, Form.DATA))
            head = length_delimited(1, b"fc%d" % number) + length_delimited(2, b"InnerProduct")
            file.write(length_delimited(100, head + blob))


def scanning(commands: Path, mebibytes: int, runs: int) -> None:
    """Measure the pass over all values, in this process, and the memory of the whole command."""
    import numpy as np

    from protolint.weights.files import mapped
    from protolint.weights.index import index_model
    from protolint.weights.scan import scan_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.caffemodel")
        model_of(path, mebibytes)

        def scan() -> None:
            with mapped(str(path)) as (data, state):
                scan_model(data, index_model(str(path), data, state))

        def peer() -> None:
            bool(np.isfinite(np.fromfile(path, "f4")).all())

        scan()
        peer()
        rounds = [(timed(scan), timed(peer)) for _ in range(runs)]
        what = f"scan {mebibytes} MiB of weights"
        theirs = [times[1] for times in rounds]
        report(what, [times[0] for times in rounds], theirs, "numpy.isfinite of numpy.fromfile")
        command = [str(commands / "protolint"), "check", "--isolated", str(path)]
        print(f"check {mebibytes} MiB of weights: peak memory {peak_memory(command)} MiB")


def foldable(net: Path, model: Path, mebibytes: int) -> None:
    """Write a net of inner products of 64 MiB, each with a BatchNorm and a Scale behind it."""
    import numpy as np

    from protolint.weights.blobs import encode_blob
    from protolint.wire import length_delimited

    random, width = np.random.default_rng(1), 4096
    shape = f"shape {{ dim: [1, {width}] }}"
    text = [f'layer {{ name: "x" type: "Input" top: "x0" input_param {{ {shape} }} }}']
    with model.open("wb") as file:
        for number in range(max(1, mebibytes // 64)):
            weights = random.standard_normal((width, width), dtype=np.float32)
            one, many = np.ones(1), random.random(width)
            for name, kind, param, blobs in (
                ("ip", "InnerProduct", f"num_output: {width}", (weights, many)),
                ("batch_norm", "BatchNorm", "", (many, many, one)),
                ("scale", "Scale", "bias_term: true", (many, many)),
            ):
                below = number if name == "ip" else number + 1
                param = f"{name if name != 'ip' else 'inner_product'}_param {{ {param} }}"
                text.append(
                    f'layer {{ name: "{name}{number}" type: "{kind}" bottom: "x{below}"'
                    f' top: "x{number + 1}" {param} }}'
                )
                head = length_delimited(1, f"{name}{number}".encode())
                head += length_delimited(2, kind.encode())
                body = b"".join(length_delimited(7, encode_blob(blob)) for blob in blobs)
                file.write(length_delimited(100, head + body))
    net.write_text("\n".join(text))


def folding(commands: Path, mebibytes: int, runs: int) -> None:
    """Measure a deployment that folds every layer, by the clock: the disk counts as well."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        net, model, out = (f"{folder}/{name}" for name in ("n.prototxt", "n.caffemodel", "out"))
        foldable(Path(net), Path(model), mebibytes)
        ours = [
            str(commands / "protolint"),
            "deploy",
            "--isolated",
            "--fold",
            net,
            model,
            "-o",
            out,
        ]
        copy = ["sh", "-c", f"mkdir {out} && cp {model} {out} && sync {out}/*"]

        def seconds(command: list[str]) -> float:
            shutil.rmtree(out, ignore_errors=True)
            os.sync()
            started = time.monotonic()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            return time.monotonic() - started

        rounds = [(seconds(ours), seconds(copy)) for _ in range(runs)]
        best = [[min(times)] for times in zip(*rounds, strict=True)]
        report(
            f"deploy --fold {mebibytes} MiB, shortest of {runs}", best[0], best[1], "cp and sync"
        )
        shutil.rmtree(out)
        print(f"deploy --fold {mebibytes} MiB: peak memory {peak_memory(ours)} MiB")


def peak_memory(command: list[str]) -> int:
    """Return the largest resident set of one command, in MiB, run by a process of its own."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
