"""Compare what protolint says of nets with what real builds of Caffe did with them.

    python scripts/verify_oracle.py [FOLDER] [--only NAME] [--list N]

FOLDER holds `SET-DIALECT.jsonl.gz`, one net a line with the verdict, the message, the blobs
and the parameters of a real build in TRAIN and TEST. For each file it prints the share of
states with the right verdict, of aborts whose first fault is about the layer of the real
message, and of built nets with the right shapes and parameters; then the disagreements. Of
`solvers.jsonl.gz` it prints the share with the right errors and `builds`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from inside import inside

from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.layers.setup_check import Fault, Kind
from protolint.lint.check_text import check_source
from protolint.net.init import construction, state_of
from protolint.net.net import Net
from protolint.net.parameters import layer_parameters
from protolint.net.shapes import bottom_shapes
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Choices, Workspace

_HERE = Path(__file__).resolve().parent.parent
_SPLIT = re.compile(r"_split(_\d+)?$")
_LAYER_NAMES = (
    re.compile(r"Unknown bottom blob '.*' \(layer '(.*)', bottom index"),
    re.compile(r"Too many params specified for layer (.*)$"),
    re.compile(r"with layer '(.*?)'; (?:count|shape) mismatch"),
    re.compile(r"Layer (.*) has unknown engine"),
)
_TYPE_NAMES = re.compile(r"\) (\w+) Layer (?:takes|produces|does not allow)")
#: Source files that are about one type of layer, where its name is not the file's.
_FILES = {
    "base_conv": {"Convolution", "Deconvolution"},
    "bnll": {"BNLL"}, "elu": {"ELU"}, "hdf5_data": {"HDF5Data"}, "hdf5_output": {"HDF5Output"},
    "lrn": {"LRN"}, "lstm": {"LSTM"}, "lstm_unit": {"LSTMUnit"}, "mvn": {"MVN"},
    "prelu": {"PReLU"}, "relu": {"ReLU"}, "rnn": {"RNN"}, "recurrent": {"LSTM", "RNN"},
    "spp": {"SPP"}, "tanh": {"TanH"}, "absval": {"AbsVal"}, "argmax": {"ArgMax"},
    "softmax_loss": {"SoftmaxWithLoss"}, "smooth_L1_loss": {"SmoothL1Loss", "MultiBoxLoss"},
    "multibox_loss": {"MultiBoxLoss"}, "euclidean_loss": {"EuclideanLoss", "MultiBoxLoss"},
    "im2col": {"Im2col"}, "bias": {"Bias", "Scale"}, "inner_product": {"InnerProduct"},
    "pooling": {"Pooling", "SPP", "LRN"},
}  # fmt: skip


class Case(NamedTuple):
    """One net in one state: what the real build did, and what protolint says."""

    name: str
    state: str
    changes: str
    real: bool
    message: str
    verdict: bool | None
    faults: list[str]


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=_HERE.parent / "shared/oracle")
    parser.add_argument("--only", default="", help="part of the files' names")
    parser.add_argument("--list", type=int, default=5, help="disagreements to show, by message")
    parser.add_argument("--every", type=int, default=1, help="look at one in so many of a file")
    options = parser.parse_args()
    folder = options.folder.resolve()  # Each net is checked in a folder of its own.
    solvers = folder / "solvers.jsonl.gz"
    if solvers.is_file() and options.only in solvers.name:
        for dialect, found in compare_solvers(solvers, options.every).items():
            _print_solvers(dialect, found, options.list)
    for path in sorted(folder.glob("*-*.jsonl.gz")):
        name, _, dialect = path.name.removesuffix(".jsonl.gz").partition("-")
        if dialect not in DIALECTS or options.only not in path.name or name == "upgrade":
            continue
        _print(path.name, compare(path, dialect, options.every), options.list)
    return 0


def _records(path: Path, every: int) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, islice(lines, 0, None, every))


class Result(NamedTuple):
    """What came of one file: counts by name, and what is not as it should be."""

    counts: Counter[str]
    wrong: list[Case]
    elsewhere: list[Case]
    shapes: list[str]

    def share(self, part: str, whole: str) -> float:
        """Return a count as a share of another, 1 where there is nothing to count."""
        return self.counts[part] / self.counts[whole] if self.counts[whole] else 1.0


def compare(path: Path, dialect: str, every: int = 1) -> Result:
    """Compare the verdicts of one file, or of one in `every`, with those of protolint."""
    result = Result(Counter(), [], [], [])
    count = result.counts
    for record in _records(path, every):
        readings = Readings.of(Source("net.prototxt", record["net"].encode()), Build(cudnn=False))
        file = readings.read(DIALECTS[dialect])
        net = file.nets[0] if file.nets else None
        for state in ("TRAIN", "TEST"):
            real = record[state]
            message = real.get("message", "")
            count["states"] += 1
            faults = ["(text)"]
            verdict: bool | None = False
            about = "Failed to parse" in message
            if file.accepted and net is not None:
                built = construction(net, net.view_in(state_of(net, state)))
                verdict = built.builds
                faults = [_line_of(fault) for fault in built.faults]
                about = bool(built.faults) and _is_about(message, built.faults[0])
            case = Case(
                record["name"], state, record["changes"], real["builds"], message, verdict, faults
            )
            if verdict != real["builds"]:
                result.wrong.append(case)
            else:
                count["right"] += 1
                if not verdict:
                    count["aborts"] += 1
                    count["about"] += about
                    if not about:
                        result.elsewhere.append(case)
            # Intel folds layers away while it builds a TEST net.
            folded = DIALECTS[dialect].merges_scale and state == "TEST"
            if real["builds"] and net is not None and not folded:
                count["built"] += 1
                found = _shapes(net, state, real)
                count["alike"] += not found
                result.shapes.extend(f"{record['name']} {state} {text}" for text in found[:1])
    return result


class SolverResult(NamedTuple):
    """What came of the solvers for one Caffe: how many, and those that are not right."""

    number: int
    wrong: list[str]

    @property
    def share(self) -> float:
        """Return the share of those that are right."""
        return 1 - len(self.wrong) / self.number if self.number else 1.0


#: Errors about what is computed, not about whether the solver runs.
_RESULTS = re.compile("divide")


def compare_solvers(path: Path, every: int = 1) -> dict[str, SolverResult]:
    """Compare errors and verdicts on solvers with how far the real ones came, for each Caffe.

    A solver that ran has no error on its file, one that did not has one; `builds` is true for
    those that were made.
    """
    found: dict[str, SolverResult] = {}
    with TemporaryDirectory() as folder, inside(folder):
        for record in _records(path, every):
            for name, text in record["files"].items():
                Path(name).write_text(text, "utf-8")
            for dialect in (name for name in DIALECTS if name in record):
                count, wrong = found.get(dialect, SolverResult(0, []))
                text = _solver_problem(dialect, record[dialect])
                if text:
                    wrong.append(f"{record['name']} ({record['changes']}): {text}")
                found[dialect] = SolverResult(count + 1, wrong)
            for name in record["files"]:
                Path(name).unlink()
    return found


def _solver_problem(dialect: str, real: dict[str, str]) -> str:
    """Return what is wrong about what protolint says of the solver in this folder."""
    choices = Choices(targets=(DIALECTS[dialect],), without_cudnn=True, isolated=True)
    workspace = Workspace(choices)
    workspace.pair(["solver.prototxt"])
    (report,) = check_source(workspace, workspace.source("solver.prototxt"))
    errors = [d.message for d in report.diagnostics if d.severity is Severity.ERROR]
    builds = bool(report.builds) and all(v is True for v in (report.builds or {}).values())
    came, message = real["reached"], real.get("message", "")
    if builds is not (came in ("created", "step1", "step4")):
        return f"builds {report.builds}, and came to {came} {message}"
    if not builds:
        return "" if errors else f"no error, and came to {came} {message}"
    stops = [
        d
        for d in report.diagnostics
        if d.severity is Severity.ERROR
        and d.code.startswith(("PT", "SV"))
        and not _RESULTS.search(d.message)
    ]
    if bool(stops) is (came == "step4"):
        return f"errors {errors}, and came to {came} {message}"
    return ""


def _print_solvers(dialect: str, result: SolverResult, shown: int) -> None:
    right = result.number - len(result.wrong)
    print(f"solvers {dialect}: {right}/{result.number} = {result.share:.2%}")
    for text in result.wrong[:shown]:
        print(f"  WRONG {text}")


def _line_of(fault: Fault) -> str:
    return f"{fault.layer.name if fault.layer else '-'}: {fault.kind.name} {fault.message}"


def _print(name: str, result: Result, shown: int) -> None:
    count = result.counts
    right, about = result.share("right", "states"), result.share("about", "aborts")
    print(
        f"{name}: verdict {count['right']}/{count['states']} = {right:.2%}; "
        f"layer {count['about']}/{count['aborts']} = {about:.2%}; "
        f"shapes and params {count['alike']}/{count['built']}"
    )
    _list("WRONG", result.wrong, shown)
    _list("ELSEWHERE", result.elsewhere, shown)
    for text in result.shapes[:shown]:
        print(f"  SHAPES {text}")


def _list(title: str, cases: list[Case], shown: int) -> None:
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        message = re.sub(r"-?\d+", "#", re.sub(r"'[^']*'", "'~'", case.message))[:150]
        kind = case.faults[0].split()[1] if case.faults and " " in case.faults[0] else "-"
        groups.setdefault((message, f"{case.verdict} {kind}"), []).append(case)
    for (message, kind), found in sorted(groups.items(), key=lambda g: -len(g[1]))[:shown]:
        case = found[0]
        print(f"  {title} {len(found)}x [{kind}] {message or 'builds'}")
        print(f"      {case.name} {case.state} ({case.changes}) {case.faults[:1]}")


def _is_about(message: str, fault: Fault) -> bool:
    """Return whether a fault is about the layer of a real message, as far as that shows it."""
    layer = fault.layer
    for pattern in _LAYER_NAMES:
        match = pattern.search(message)
        if match:
            return layer is not None and layer.name == match.group(1)
    match = _TYPE_NAMES.search(message)
    if match:
        named = match.group(1)
        # SPP makes its own Split and Pooling.
        return layer is not None and (
            layer.type == named or (layer.type, named) == ("SPP", "Split")
        )
    if "Top blob" in message:
        return fault.kind is Kind.DUPLICATE_TOP
    if "include rules or exclude" in message:
        return fault.kind is Kind.STATE_RULES
    if "Unknown layer type" in message:
        return fault.kind is Kind.UNKNOWN_TYPE
    if "Unknown filler name" in message:
        return fault.kind is Kind.FILLER
    if "propagate_down param" in message:
        return fault.kind is Kind.GRADIENT_SWITCHES
    if "loss_weight must be" in message:
        return fault.kind is Kind.LOSS_WEIGHT
    match = re.match(r"(\w+)_layer\.cpp", message)
    if match and layer is not None:
        stem = match.group(1)
        if stem == "loss":
            return layer.type.endswith("Loss")
        names = _FILES.get(stem)
        if names is None:
            return layer.type.lower() == stem.replace("_", "")
        return layer.type in names
    return True


def _shapes(net: Net, state: str, real: dict[str, Any]) -> list[str]:
    view = net.view_in(state_of(net, state))
    built = construction(net, view)
    found = []
    for name, version in view.outputs.items():
        shape = built.shapes.get(version)
        wanted = real["blobs"].get(name)
        if shape is None:
            continue
        if not shape.complete or list(shape.dims) != wanted:
            found.append(f"{name}: {shape} is {wanted}")
    layers = [layer for layer in real["layers"] if not _SPLIT.search(layer["name"])]
    if net.inputs and layers and layers[0]["type"] == "Input" and len(layers) > len(view.layers):
        layers = layers[1:]
    for layer, other in zip(view.layers, layers, strict=False):
        params = layer_parameters(net, layer, bottom_shapes(view, layer, built.shapes))
        ours = None if params is None else [list(p.shape.dims) for p in params]
        if ours != other["params"]:
            found.append(f"{layer.name} ({layer.type}): params {ours} are {other['params']}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
