"""The programs that run nets: OpenCV's importer, and the Caffe that Python finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from protolint.errors import UsageError

__all__ = ["last_line", "opencv", "run_caffe"]


def opencv(option: str, missing: str) -> Any:
    """OpenCV, with its Caffe importer; raises UsageError, which names `option`, without one.

    `missing` is what to say where it is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise UsageError(missing) from None
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise UsageError(
            f"{option}: this OpenCV has no Caffe importer any more; install"
            " 'opencv-python-headless>=4.9,<5'"
        )
    return cv2


def run_caffe(
    program: str, arguments: Sequence[str], made: str, seconds: int, *, slow: str, failed: str
) -> None:
    """Run a program that uses pycaffe in a process of its own, until it has made a file.

    A net that Caffe does not like ends the process. Raises UsageError: `slow` where it runs
    for more than `seconds`, `failed` and its last words where the file is not made.
    """
    command = [sys.executable, "-c", program, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(slow) from None
    if done.returncode != 0 or not os.path.exists(made):
        raise UsageError(f"{failed}: {last_line(done.stderr.decode('utf-8', 'replace'))}")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
