"""Deploy the golden nets in six disguises into real importers: their outputs are the builds'.

    python scripts/verify_importers.py                     all importers, environments in build/
    python scripts/verify_importers.py opencv mnn --golden ../shared/golden --environments DIR

Each importer gets an environment of its own (needs the network once). Each net is disguised,
deployed by `protolint deploy`, imported, and run over the golden input; its output has to be within
2e-5 of the real build's, relative to the largest value where that is above 1. With --corpus DIR
OpenCV also loads what `protolint deploy` makes of each public net there. With --record FILE each
result is kept as it is found, and a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.deployment.run import Wishes, deploy_files
from protolint.errors import ProtolintError
from protolint.layers.shape import Shape
from protolint.weights.kinds import FileKind
from protolint.workspace.workspace import Choices, Workspace

REPOSITORY = Path(__file__).resolve().parent.parent
TOLERANCE = 2e-5

OPENCV = """
import cv2
net = cv2.dnn.readNetFromCaffe(prototxt, model)
net.setInput(values)
found = net.forward()
"""
# Not the command mnnconvert, which installs a package of its own and reports what it converts.
MNN = """
import MNN, _tools
mnn = model + ".mnn"
_tools.mnnconvert(["mnnconvert", "-f", "CAFFE", "--modelFile", model, "--prototxt", prototxt,
                   "--MNNModel", mnn, "--bizCode", "x"])
interpreter = MNN.Interpreter(mnn)
session = interpreter.createSession()
tensor = interpreter.getSessionInput(session)
interpreter.resizeTensor(tensor, values.shape)
interpreter.resizeSession(session)
given = MNN.Tensor(values.shape, MNN.Halide_Type_Float, values, MNN.Tensor_DimensionType_Caffe)
tensor.copyFrom(given)
interpreter.runSession(session)
output = interpreter.getSessionOutput(session)
shape = output.getShape()
made = MNN.Tensor(shape, MNN.Halide_Type_Float, numpy.zeros(shape, numpy.float32),
                  MNN.Tensor_DimensionType_Caffe)
output.copyToHostTensor(made)
found = numpy.array(made.getData(), numpy.float32).reshape(shape)
"""
OPENVINO = """
import os, subprocess
from openvino.runtime import Core
tool = os.path.join(os.path.dirname(sys.executable), "mo")
folder = os.path.dirname(model)
subprocess.run([tool, "--input_model", model, "--input_proto", prototxt, "--output_dir", folder,
                "--model_name", "ir", "--compress_to_fp16=False"],
               check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
core = Core()
net = core.compile_model(core.read_model(os.path.join(folder, "ir.xml")), "CPU",
                         {"INFERENCE_PRECISION_HINT": "f32"})
found = list(net([values]).values())[0]
"""
CAFFE2ONNX = """
import contextlib, io, onnxruntime
from caffe2onnx.src.caffe2onnx import Caffe2Onnx
from caffe2onnx.src.load_save_model import loadcaffemodel, saveonnxmodel
made = model + ".onnx"
with contextlib.redirect_stdout(io.StringIO()):
    graph, params = loadcaffemodel(prototxt, model)
    saveonnxmodel(Caffe2Onnx(graph, params, made).createOnnxModel(), made)
session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
found = session.run(None, {session.get_inputs()[0].name: values})[0]
"""
_AROUND = """
import sys, numpy
prototxt, model, given, result = sys.argv[1:]
values = numpy.load(given)
%s
numpy.save(result, numpy.asarray(found))
"""


class Importer(NamedTuple):
    """An importer: what to install, in steps, the program that runs it, and whether to fold."""

    packages: tuple[tuple[str, ...], ...]
    program: str
    fold: bool = False


IMPORTERS = {
    "opencv": Importer((("opencv-python-headless>=4.9,<5", "numpy"),), OPENCV),
    "mnn": Importer((("MNN==3.6.1", "numpy"),), MNN),
    "openvino": Importer((("openvino==2023.0.0", "openvino-dev[caffe]==2023.0.0"),), OPENVINO),
    # Its BatchNorm divides by the factor + 1e-5; folded nets have none.
    "caffe2onnx": Importer(
        (
            ("--no-deps", "caffe2onnx==2.0.1", "onnxruntime==1.16.3"),
            ("numpy==1.23.5", "onnx==1.14.1", "protobuf==3.20.3", "coloredlogs", "flatbuffers"),
            ("packaging", "sympy"),
        ),
        CAFFE2ONNX,
        fold=True,
    ),
}  # fmt: skip


def environment(name: str, folder: Path) -> Path:
    """Return the Python of an importer's environment, which is made if it is not there."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        venv.create(folder / name, with_pip=True)
        for packages in IMPORTERS[name].packages:
            command = [str(python), "-m", "pip", "install", "--quiet", *packages]
            subprocess.run(command, check=True)
    return python


# -- Disguises: the text and the weights of a golden net in another form.

_INPUT = re.compile(
    r'layer \{\n  name: "pix"\n  type: "Input".*?\n\}\n'
    r'|input: "pix"\n(?:input_dim: \d+\n|input_shape \{.*?\}\n)+',
    re.DOTALL,
)
_NORM = re.compile(r'layer \{\n  name: "[^"]*"\n  type: "BatchNorm".*?\n\}\n', re.DOTALL)


def twins(text: str) -> str:
    """Return a net with a BatchNorm for TRAIN and one for TEST, of one name."""

    def both(match: re.Match[str]) -> str:
        inside = match[0].rstrip("\n")[:-1]
        return "".join(f"{inside}  include {{ phase: {p} }}\n}}\n" for p in ("TRAIN", "TEST"))

    return _NORM.sub(both, text)


_DATA = 'layer {{ name: "d" type: "Data" top: "pix" top: "label" include {{ {0} }} }}\n'


def stages(text: str, last: str, dims: tuple[int, ...]) -> str:
    """Return all of DIGITS' stages in one file."""
    data = _DATA.format('stage: "train"') + _DATA.format('stage: "val"')
    deployed = (
        'layer { name: "pix" type: "Input" top: "pix" include { stage: "deploy" }'
        f" input_param {{ shape {{ {' '.join(f'dim: {dim}' for dim in dims)} }} }} }}\n"
    )
    return _INPUT.sub(data + deployed, text) + (
        f'layer {{ name: "loss" type: "EuclideanLoss" bottom: "{last}" bottom: "label"'
        ' top: "loss" exclude { stage: "deploy" } }\n'
    )


def old_input(text: str, dims: tuple[int, ...]) -> str:
    """Return a net with fields for its input; a V1 layer cannot be a BatchNorm."""
    fields = "".join(f"input_dim: {dim}\n" for dim in dims)
    return _INPUT.sub(f'input: "pix"\n{fields}', text)


def train_val(text: str, last: str) -> str:
    """Return a training net: data, Dropout, accuracy, loss."""
    data = _DATA.format("phase: TRAIN") + _DATA.format("phase: TEST")
    return _INPUT.sub(data.replace("\\", ""), text) + (
        f'layer {{ name: "drop" type: "Dropout" bottom: "{last}" top: "dropped" }}\n'
        'layer { name: "acc" type: "Accuracy" bottom: "dropped" bottom: "label" top: "acc"'
        " include { phase: TEST } }\n"
        'layer { name: "loss" type: "EuclideanLoss" bottom: "dropped" bottom: "label" top: "l" }\n'
    )


def other_storage(data: bytes, schema: str) -> bytes:
    """Return a model with every blob in raw_data where the Caffe reads it, else as doubles."""
    model = load_schema(schema).message_class("NetParameter")()
    model.ParseFromString(data)
    blobs = [blob for layer in model.layer for blob in layer.blobs if blob.data]
    for blob in blobs:
        values = np.array(blob.data, np.float32)
        blob.ClearField("data")
        if "raw_data" in blob.DESCRIPTOR.fields_by_name:
            blob.raw_data, blob.raw_data_type = values.tobytes(), 1
        else:
            blob.double_data.extend(values.tolist())
    found: bytes = model.SerializeToString()
    return found


def input_of(net: Path) -> Path:
    """Return the golden input of a net; variants of one net share it."""
    own = net.with_suffix(".input.npy")
    return own if own.exists() else net.with_name(f"{net.stem.partition('_')[0]}.input.npy")


class Case(NamedTuple):
    """A golden net in a disguise."""

    name: str
    text: str
    weights: bytes
    target: str


def cases(net: Path, target: str) -> Iterator[Case]:
    """Yield one golden net in each disguise."""
    text, weights = net.read_text(), net.with_suffix(".caffemodel").read_bytes()
    dims = np.load(input_of(net)).shape
    last = re.findall(r'top: "([^"]*)"', text)[-1]
    for name, made in (
        ("as it is", text),
        ("twins", twins(text)),
        ("stages", stages(text, last, dims)),
        ("old input", old_input(text, dims)),
        ("training net", train_val(text, last)),
    ):
        yield Case(name, made, weights, target)
    yield Case("other storage", text, other_storage(weights, target), target)


BUILDS = {
    "bvlc-master-9b89154": "bvlc",
    "nvcaffe-0.14.5": "nvidia-0.14",
    "nvcaffe-0.15.14": "nvidia-0.15",
    "nvcaffe-0.16.6": "nvidia-0.16",
    "nvcaffe-0.17.4": "nvidia-0.17",
}


class Results:
    """How far each case was off, by importer and case, kept in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self.known: dict[tuple[str, str], float | str] = {
            (entry["importer"], entry["case"]): entry["off"] for entry in map(json.loads, lines)
        }

    def add(self, importer: str, case: str, off: float | str) -> None:
        """Keep a result: a difference, or why there is none."""
        self.known[importer, case] = off
        if self.path is not None:
            with self.path.open("a") as file:
                print(json.dumps({"importer": importer, "case": case, "off": off}), file=file)


def verify(name: str, python: Path, golden: Path, results: Results) -> list[str]:
    """Run every disguise of every golden net through one importer; return what failed."""
    for build, target in BUILDS.items():
        for net in sorted((golden / build).glob("*.prototxt")):
            if not net.with_suffix(".output.npy").exists():
                continue
            for case in cases(net, target):
                place = f"{build}/{net.stem}, {case.name}"
                if not isinstance(results.known.get((name, place)), float):
                    results.add(name, place, measured(IMPORTERS[name], python, net, case))
    found = {place: off for (importer, place), off in results.known.items() if importer == name}
    gaps = {place: off for place, off in found.items() if isinstance(off, float)}
    worst = max(gaps.values(), default=0.0)
    print(f"{name}: {len(gaps)} of {len(found)} run, largest difference {worst:.2g}", flush=True)
    failed = {p: off for p, off in found.items() if not isinstance(off, float) or off > TOLERANCE}
    return [f"{name}: {place}: {off}" for place, off in failed.items()]


def measured(importer: Importer, python: Path, net: Path, case: Case) -> float | str:
    """Return how far an importer's output is off the real build's, or why it has none."""
    values = np.load(input_of(net))
    wanted = np.load(net.with_suffix(".output.npy"))
    with tempfile.TemporaryDirectory() as folder:
        text, model = Path(folder, "n.prototxt"), Path(folder, "n.caffemodel")
        text.write_text(case.text)
        model.write_bytes(case.weights)
        wishes = Wishes(
            target=DIALECTS[case.target],
            sizes={"pix": Shape.of(values.shape)},
            fold=importer.fold,
        )
        workspace = Workspace(Choices(isolated=True, without_cudnn=True))
        try:
            made = deploy_files(workspace, str(text), str(model), f"{folder}/o", wishes)
            found = run(python, importer.program, made.written, values, folder)
        except (ProtolintError, RuntimeError) as error:
            return str(error)
    size = max(1.0, float(np.abs(wanted).max()))
    return float(np.abs(found.reshape(wanted.shape) - wanted).max()) / size


def run(
    python: Path, program: str, written: tuple[str, ...], values: np.ndarray, folder: str
) -> np.ndarray:
    """Return the output of a net by an importer, in its own environment."""
    given, made = f"{folder}/in.npy", f"{folder}/out.npy"
    np.save(given, values)
    command = [str(python), "-c", _AROUND % program, *written, given, made]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise RuntimeError(f"exit code {done.returncode}: {lines[-1]}")
    found: np.ndarray = np.load(made)
    return found


LOAD = "import cv2, sys; cv2.dnn.readNetFromCaffe(sys.argv[1])"
_SIZE = re.compile(r"the size of the input '(.*)' is not known \((.*)\)")
#: Sizes for public nets that do not say theirs.
USUAL, SSD512 = (1, 3, 224, 224), (1, 3, 512, 512)


def load_corpus(python: Path, corpus: Path) -> None:
    """Let OpenCV load what deploy makes of every public net, in a process of its own."""
    found: Counter[str] = Counter()
    for path in sorted(corpus.glob("*.prototxt")):
        workspace = Workspace(Choices(isolated=True))
        try:
            if workspace.readings(workspace.source(str(path))).kind is not FileKind.NET:
                continue
        except ProtolintError:
            continue
        with tempfile.TemporaryDirectory() as folder:
            reason = _deployed(workspace, path, folder)
            if not reason:
                command = [str(python), "-c", LOAD, f"{folder}/{path.name}"]
                done = subprocess.run(command, capture_output=True, timeout=120, check=False)
                text = done.stderr.decode("utf-8", "replace").strip().splitlines()
                reason = f"OpenCV: {done.returncode}: {text[-1] if text else ''}"
                reason = "" if done.returncode == 0 else reason
        found["loaded" if not reason else "not"] += 1
        if reason:
            print(f"  {path.name[:40]}: {reason[:200]}")
    print(f"opencv loads {found['loaded']} of {found.total()} nets", flush=True)


def _deployed(workspace: Workspace, path: Path, folder: str) -> str:
    """Deploy a public net, with a usual size where it does not say its own; "" or why not."""
    sizes: dict[str, Shape] = {}
    while True:
        try:
            deploy_files(
                workspace, str(path), None, folder, Wishes(sizes=sizes, drop_global_stats=True)
            )
        except ProtolintError as error:
            open_size = _SIZE.search(str(error))
            if open_size is None or open_size[1] in sizes:
                return str(error)[len(str(path)) + 2 :]
            usual = SSD512 if "ssd" in path.name else USUAL
            given = [] if open_size[2] == "?" else open_size[2].replace("...", "?").split("x")
            dims = [int(d) if d.isdecimal() else u for d, u in zip(given, usual, strict=False)]
            sizes[open_size[1]] = Shape.of([*dims, *usual[len(dims) :]][: max(4, len(dims))])
        else:
            return ""


def main() -> None:
    """Verify the importers that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("importers", nargs="*", help=f"[{', '.join(IMPORTERS)}]")
    parser.add_argument("--golden", type=Path, default=REPOSITORY.parent / "shared" / "golden")
    parser.add_argument("--environments", type=Path, default=REPOSITORY / "build" / "importers")
    parser.add_argument("--record", type=Path, help="results that are kept, a line each")
    parser.add_argument("--corpus", type=Path, help="public nets that OpenCV is to load")
    options = parser.parse_args()
    results, failures = Results(options.record), []
    for name in options.importers or IMPORTERS:
        python = environment(name, options.environments)
        failures += verify(name, python, options.golden, results)
        if name == "opencv" and options.corpus is not None:
            load_corpus(python, options.corpus)
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
