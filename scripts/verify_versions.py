"""Run a quick part of the tests on each Python that is here, and with the oldest dependencies.

    python scripts/verify_versions.py            every Python from 3.10 on but the running one
    python scripts/verify_versions.py 3.13       this one only

Each gets an environment of its own with the wheel of this checkout. The lowest Python that
pyproject.toml allows gets the lowest versions of the dependencies, tests/oldest.txt, the others
the newest. Pythons are those in PATH as python3.N, and pyenv's. Exit code 1 where a test fails or
an environment cannot be made.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST = REPOSITORY / "tests" / "oldest.txt"
LOWEST, HIGHEST = 10, 30
#: A few seconds: what reads, checks, converts and writes.
TESTS = (
    "batchnorm/test_golden_weights.py", "conversion/test_hdf5.py", "folding", "test_api.py",
    "test_files.py", "weights/test_index.py",
)  # fmt: skip


def pythons() -> Iterator[tuple[str, str]]:
    """Yield each minor version that is here, as 3.N, with its interpreter."""
    managed = []
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True).stdout.strip()
        managed = sorted(Path(root).glob("versions/3.*/bin/python"))
    for minor in range(LOWEST, HIGHEST):
        name = f"3.{minor}"
        own = [str(path) for path in managed if path.parts[-3].startswith(f"{name}.")]
        candidates = [*own, f"python{name}"]
        for path in filter(None, map(shutil.which, candidates)):
            done = subprocess.run([path, "-c", "import ensurepip, ssl"], capture_output=True)
            if done.returncode == 0:
                yield name, path
                break


def run(*command: str, where: Path = REPOSITORY) -> None:
    """Run a command; what it prints is shown if it fails."""
    done = subprocess.run(
        command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        print(done.stdout[-5000:])
        raise subprocess.CalledProcessError(done.returncode, command)


def built(folder: Path) -> str:
    """Build the wheel in a copy of the checkout, which building would litter."""
    copy = folder / "checkout"
    litter = (".*", "*_cache", "build", "fixtures", "tests", "*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(*litter))
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", str(folder), str(copy),
    )  # fmt: skip
    (wheel,) = map(str, folder.glob("*.whl"))
    return wheel


def verify(python: str, wheel: str, place: Path, *, oldest: bool) -> None:
    """Install the wheel for one Python and run the tests; raises CalledProcessError."""
    run(python, "-m", "venv", "--without-pip", str(place))
    inside = str(place / "bin" / "python")
    limits = ["--constraint", str(OLDEST)] if oldest else []
    run(
        sys.executable, "-m", "pip", "--python", inside, "install", "--quiet",
        "--only-binary", ":all:", *limits, f"{wheel}[hdf5]", "pytest>=8", "hypothesis>=6.90",
    )  # fmt: skip
    tests = [str(REPOSITORY / "tests" / name) for name in TESTS]
    # Outside the checkout and not by `python -m`: what is tested is the wheel.
    run(
        str(place / "bin" / "pytest"), "-q", "-x", "-p", "no:cacheprovider",
        "--rootdir", str(REPOSITORY), "-c", str(REPOSITORY / "pyproject.toml"), *tests, where=place,
    )  # fmt: skip


def main() -> int:
    """Verify every Python, print a line for each, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("versions", nargs="*", metavar="3.N")
    options = parser.parse_args()
    running = f"3.{sys.version_info.minor}"
    found = dict(pythons())
    wanted = options.versions or [name for name in found if name != running]
    with tempfile.TemporaryDirectory() as folder:
        wheel = built(Path(folder))
        with ThreadPool(2) as pool:
            passed = pool.map(lambda name: _passes(name, found.get(name), wheel, folder), wanted)
    return 0 if all(passed) else 1


def _passes(name: str, python: str | None, wheel: str, folder: str) -> bool:
    """Verify one version, and print how it went."""
    oldest = name == f"3.{LOWEST}"
    what = f"Python {name}, {'oldest' if oldest else 'newest'} dependencies"
    if python is None:
        print(f"{what}: it is not here", flush=True)
        return False
    started = time.monotonic()
    try:
        verify(python, wheel, Path(folder) / name, oldest=oldest)
    except subprocess.CalledProcessError as error:
        print(f"{what}: FAILED: {' '.join(error.cmd)}", flush=True)
        return False
    print(f"{what}: passed in {time.monotonic() - started:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
