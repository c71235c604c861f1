"""Convert nets that real builds ran to every other Caffe, and run the results.

    scripts/verify_runs.py [--sample N] [-v]

The executor has to compute of each converted net what the real build computed of the source
(../shared/oracle/runs): every output, and what a layer reads that sorts its rows. Refusals are
counted by their reason; nets that the target builds otherwise are none of them.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import protolint
from protolint.caffe.registry import DIALECTS
from protolint.errors import ProtolintError
from protolint.execution.weights import load_weights
from protolint.net.net import TEST

TARGETS = ("bvlc", "ssd", "nvidia-0.14", "nvidia-0.15", "nvidia-0.16", "nvidia-0.17")
RUNS = Path(__file__).resolve().parents[2] / "shared" / "oracle" / "runs"
SETS = ("bvlc", "nvidia-0.15", "nvidia-0.17", "ssd")
_TOLERANCE = 2e-5
#: Layers that sort by scores that a rounding may turn.
_SORTING = ("DetectionOutput", "DetectionEvaluate")


def outcome(net: Path, weights: Path, real: Any, caffe: str, target: str) -> str:
    """Return "agrees", why a conversion is refused, or "WRONG" and where."""
    options: dict[str, Any] = {"isolated": True, "cudnn": False}
    out = net.parent / "out"
    try:
        protolint.convert(
            net, weights, to=target, source=caffe, output=f"{out}/", force=True, **options
        )
    except ProtolintError as error:
        return f"refused: {_reason(error)}"
    before = protolint.load(net, target=caffe, isolated=True, cudnn=False)
    view = next(view for view in before.views if view.state.phase == TEST)
    tops = {top.name for layer in view.layers if not layer.bottoms for top in layer.tops}
    given = {name: real[_key(name)] for name in (*tops, *before.inputs) if _key(name) in real}
    try:
        found = protolint.run(
            out / net.name,
            load_weights(str(out / weights.name), DIALECTS[target]),
            data=given,
            target=target,
            **options,
        )
    except ProtolintError as error:
        return f"WRONG does not run: {_reason(error)}"
    for name, version in view.outputs.items():
        writer = version.producer
        names = [name]
        if writer is None or version.readers or name in given:
            continue
        if writer.type in _SORTING:
            names = [blob.name for blob in writer.bottoms]
        for one in names:
            if one not in found or _key(one) not in real:
                continue
            wanted, got = real[_key(one)], found[one]
            size = max(1.0, float(np.abs(wanted).max(initial=0.0)))
            if wanted.size != got.size or not (
                np.abs(wanted.reshape(-1) - got.reshape(-1)).max(initial=0.0) <= _TOLERANCE * size
            ):
                return f"WRONG '{one}' of {writer.type}"
    return "agrees"


def _key(name: str) -> str:
    return name.replace("/", "|")


def _reason(error: ProtolintError) -> str:
    text = str(error).partition(": ")[2]
    text = re.sub(r"^('[^']*'|layer '[^']*'): ", "", text.partition(";")[0])
    return re.sub(r"(?<!type )'[^']*'|\b\d+(?!\.\d)\b(?<!0\.1\d)", "_", text)[:120]


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert and run every net, or every N-th."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every N-th net only")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each refusal")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        net, weights = Path(folder) / "net.prototxt", Path(folder) / "net.caffemodel"
        for caffe in SETS:
            with zipfile.ZipFile(RUNS / f"runs-{caffe}.zip") as archive:
                names = sorted(Path(n).parent.as_posix() for n in archive.namelist() if "test" in n)
                for name in names[:: options.sample]:
                    net.write_bytes(archive.read(f"{name}/net.prototxt"))
                    weights.write_bytes(archive.read(f"{name}/net.caffemodel"))
                    with archive.open(f"{name}/test.npz") as stream:
                        real = dict(np.load(stream))
                    for target in TARGETS:
                        if target == caffe:
                            continue
                        found = outcome(net, weights, real, caffe, target)
                        total[found] += 1
                        if found[:5] == "WRONG" or (options.verbose and found != "agrees"):
                            print(f"{caffe} {name} to {target}: {found}")
    for kind, count in total.most_common():
        print(f"{count:5} {kind}")
    return 1 if any(kind.startswith("WRONG") for kind in total) else 0


if __name__ == "__main__":
    sys.exit(main())
