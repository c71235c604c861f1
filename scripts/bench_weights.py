"""Large weight files, scanned, converted and deployed, for scripts/bench.py."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_timing import report, timed


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


def writing(commands: Path, mebibytes: int, runs: int) -> None:
    """Measure a conversion, and a deployment that folds every layer, against copying the weights.

    By the clock: the disk counts as well.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        net, model, out = (f"{folder}/{name}" for name in ("n.prototxt", "n.caffemodel", "out"))
        foldable(Path(net), Path(model), mebibytes)
        protolint, to = str(commands / "protolint"), [net, model, "-o", f"{out}/"]
        ours = {
            "convert": [protolint, "convert", "--isolated", "--to", "nvidia-0.17", *to],
            "deploy --fold": [protolint, "deploy", "--isolated", "--fold", *to],
        }
        copy = ["sh", "-c", f"cp {model} {out} && sync {out}/*"]

        def seconds(command: list[str]) -> float:
            shutil.rmtree(out, ignore_errors=True)
            os.mkdir(out)
            os.sync()
            started = time.monotonic()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            return time.monotonic() - started

        rounds = [[seconds(command) for command in (copy, *ours.values())] for _ in range(runs)]
        theirs, *best = ([min(times)] for times in zip(*rounds, strict=True))
        for (name, command), time_of_ours in zip(ours.items(), best, strict=True):
            what = f"{name} {mebibytes} MiB"
            report(f"{what}, shortest of {runs}", time_of_ours, theirs, "cp and sync")
            shutil.rmtree(out)
            os.mkdir(out)
            print(f"{what}: peak memory {peak_memory(command)} MiB")


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
