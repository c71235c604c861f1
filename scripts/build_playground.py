"""Build the playground: one folder of static files that runs protolint in the browser.

Takes Pyodide and CodeMirror from the npm registry (`npm ci` in playground/), and protolint and what
it needs, all plain Python, from this environment. Serve the result with any static server:

    python scripts/build_playground.py
    python -m http.server --directory playground/dist
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from protolint.caffe.registry import DIALECTS
from protolint.lint.manual import rule_as_dict
from protolint.lint.registry import all_rules

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = REPOSITORY / "playground"
#: Of the npm package: what a browser loads where no package of its own is asked for.
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip",
           "pyodide-lock.json")  # fmt: skip
#: What protolint imports for text and pictures; NumPy, for weights, is not needed here.
NEEDED = ("click", "grandalf")
#: Nets to start from, all in fixtures/nets; the page opens with the first.
EXAMPLES = {
    "digits_opening_post.prototxt": "DIGITS: BatchNorm does not converge",
    "digits_inplace_cudnn.prototxt": "DIGITS: cuDNN BatchNorm in place",
    "digits_two_block.prototxt": "DIGITS: validation jumps",
    "digits_all_in_one.prototxt": "DIGITS: train, val and deploy in one file",
    "bvlc_train_val.prototxt": "BVLC: BatchNorm and Scale",
    "bvlc_solver.prototxt": "BVLC: a solver",
    "nvidia_0.17_train_val.prototxt": "NVIDIA 0.17: scale_bias",
    "legacy_v1.prototxt": "A net of 2014",
}
#: Those that are checked once while the page is built.
WARM = ("digits_opening_post.prototxt", "bvlc_train_val.prototxt", "bvlc_solver.prototxt",
        "nvidia_0.17_train_val.prototxt")  # fmt: skip


def main() -> int:
    """Build into the folder that is asked for; 2 where npm is not there or cannot."""
    parser = argparse.ArgumentParser(description="Build the playground.")
    parser.add_argument("--output", type=Path, default=SOURCES / "dist")
    target: Path = parser.parse_args().output
    npm = shutil.which("npm")
    if npm is None:
        print("the playground is not built: there is no npm here", file=sys.stderr)
        return 2
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts"], cwd=SOURCES, capture_output=True, text=True
    )
    if done.returncode:
        print(f"the playground is not built: npm ci says {done.stderr.strip()}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as scratch:
        built = Path(scratch, "dist")
        try:
            build(built)
        except PackageNotFoundError as error:
            print(f"the playground is not built: pip install {error.name} first", file=sys.stderr)
            return 1
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(built, target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")
    return 0


def build(folder: Path) -> None:
    """Write every file of the page."""
    (folder / "pyodide").mkdir(parents=True)
    for name in PYODIDE:
        shutil.copy(SOURCES / "node_modules" / "pyodide" / name, folder / "pyodide")
    for name in ("files.js", "index.html", "style.css", "worker.js"):
        shutil.copy(SOURCES / name, folder)
    bundle(folder)
    files = sorted({**installed(), **wheel()}.items())
    index = json.dumps([(name, len(data)) for name, data in files]).encode()
    packed = gzip.compress(index + b"\n" + b"".join(data for _, data in files), mtime=0)
    (folder / "files.packed").write_bytes(packed)
    (folder / "examples").mkdir()
    for name in EXAMPLES:
        shutil.copy(REPOSITORY / "fixtures" / "nets" / name, folder / "examples")
    # What the first check imports is in the memory that the page starts with.
    subprocess.run(
        ["node", "snapshot.mjs", folder / "files.packed", folder / "memory.packed",
         *(folder / "examples" / name for name in WARM)],
        cwd=SOURCES, check=True,
    )  # fmt: skip
    describe(folder)
    keep(folder)


def bundle(folder: Path) -> None:
    """Put our modules and CodeMirror into one file."""
    subprocess.run(
        ["node_modules/.bin/esbuild", "main.js", "--bundle", "--minify", "--format=esm",
         "--log-level=warning", f"--outfile={folder / 'main.js'}"],
        cwd=SOURCES, check=True,
    )  # fmt: skip


def wheel() -> dict[str, bytes]:
    """Return the files of protolint's wheel, built from this checkout, and the page's bridge."""
    with TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        skipped = shutil.ignore_patterns("__pycache__")
        for name in ("protolint", "rules", "docs"):
            shutil.copytree(REPOSITORY / name, source / name, ignore=skipped)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, source)
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
             "--no-index", "--wheel-dir", scratch, source],
            check=True,
        )  # fmt: skip
        (built,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(built) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
    return {**found, "bridge.py": (SOURCES / "bridge.py").read_bytes()}


def installed() -> dict[str, bytes]:
    """Return the files of the packages that protolint imports, as they are installed here."""
    return {
        str(file): Path(str(file.locate())).read_bytes()
        for name in NEEDED
        for file in distribution(name).files or ()
        if file.parts[0] != ".." and file.suffix != ".pyc"
    }


def describe(folder: Path) -> None:
    """Write what the page shows without asking protolint: targets, examples, rule pages."""
    rules = [rule_as_dict(rule) for rule in all_rules()]
    (folder / "rules").mkdir()
    for rule in rules:
        (folder / "rules" / f"{rule['code']}.json").write_text(json.dumps(rule), "utf-8")
    about = {
        "targets": list(DIALECTS),
        "examples": list(EXAMPLES.items()),
        "rules": [{"code": rule["code"], "name": rule["name"]} for rule in rules],
    }
    (folder / "about.json").write_text(json.dumps(about), "utf-8")


def keep(folder: Path) -> None:
    """Write the service worker, which knows every file and changes when one does."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    names = ["./", *(path.relative_to(folder).as_posix() for path in files)]
    head = f"const BUILD = {json.dumps({'version': f'protolint-{digest}', 'files': names})};\n"
    (folder / "sw.js").write_text(head + (SOURCES / "sw.js").read_text("utf-8"), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
