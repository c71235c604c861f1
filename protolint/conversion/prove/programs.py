"""The programs that run nets: OpenCV's importer, and the Caffe that Python finds.

Each runs in a process of its own: Caffe ends the process on a net that it does not like, and
OpenCV's importer crashes on some.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import numpy as np

from protolint.batchnorm.state import Array
from protolint.errors import UsageError

__all__ = ["last_line", "run_opencv", "run_program"]

_OPENCV = """\
import sys, numpy, cv2
if not hasattr(cv2.dnn, "readNetFromCaffe"):
    sys.exit("this OpenCV has no Caffe importer any more;"
             " install 'opencv-python-headless>=4.9,<5'")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
try:
    net = cv2.dnn.readNetFromCaffe(sys.argv[1], sys.argv[2])
    net.enableFusion(False)
    given = numpy.load(sys.argv[3])
    for name in given.files:
        net.setInput(given[name], *([name] if name else []))
    names = sys.argv[5:] or sorted(net.getUnconnectedOutLayersNames())
    found = net.forward(names)
except cv2.error as error:
    sys.exit(str(error))
numpy.savez(sys.argv[4], *found)
"""


def run_opencv(
    prototxt: str,
    model: str,
    inputs: Mapping[str, Array],
    blobs: Sequence[str],
    *,
    seconds: int,
    missing: str,
    failed: str,
) -> list[Array]:
    """Return some blobs of a net by OpenCV's importer; its outputs, sorted by name, for no name.

    `inputs` are by the names of blobs; "" is the only one. Raises UsageError: `missing` where
    OpenCV is not installed, `failed` and its last words where it does not run the net.
    """
    import tempfile

    if find_spec("cv2") is None:
        raise UsageError(missing)
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(given, **inputs)  # type: ignore[arg-type,unused-ignore]
        arguments = [prototxt, model, given, made, *blobs]
        slow = f"{failed}: it ran for too long"
        run_program(_OPENCV, arguments, made, seconds, slow=slow, failed=failed)
        with np.load(made, allow_pickle=False) as outputs:
            return [outputs[name] for name in outputs.files]


def run_program(
    program: str, arguments: Sequence[str], made: str, seconds: int, *, slow: str, failed: str
) -> None:
    """Run a program in a process of its own, until it has made a file.

    Raises UsageError: `slow` where it runs for more than `seconds`, `failed` and its last words,
    or the signal that ended it, where the file is not made.
    """
    import subprocess

    command = [sys.executable, "-c", program, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(slow) from None
    if done.returncode != 0 or not os.path.exists(made):
        words = last_line(done.stderr.decode("utf-8", "replace"))
        if done.returncode < 0:
            words = f"it crashed ({_signal(-done.returncode)})"
        raise UsageError(f"{failed}: {words}")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
