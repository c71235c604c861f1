"""Dependencies go one way: what a module may import is decided here."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

#: Each package of protolint, and the packages of protolint that it may import.
LEAVES = {"errors", "source", "edit", "diagnostic", "wire", "files", "suggest", "float32", "names",
          "publish", "words", "shown", "record", "difference", "leftovers"}  # fmt: skip
ALLOWED = {
    "text": LEAVES,
    "format": LEAVES | {"text"},
    "caffe": LEAVES | {"text"},
    "layers": LEAVES | {"text", "caffe"},
    "net": LEAVES | {"text", "caffe", "layers"},
    "weights": LEAVES | {"caffe"},
    "upgrading": LEAVES | {"text", "caffe", "weights"},
    "batchnorm": LEAVES | {"text", "caffe", "layers", "net", "weights"},
    "folding": LEAVES | {"text", "caffe", "layers", "net", "weights", "batchnorm"},
    "workspace": LEAVES | {"text", "caffe", "layers", "net", "weights.kinds"},
    "lint": LEAVES | {"text", "caffe", "layers", "net", "weights", "batchnorm", "workspace"},
    "picture": LEAVES | {"layers", "net"},
    "report": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "picture",
               "weights.kinds"},
    "api": LEAVES | {"text", "caffe", "net", "weights.kinds", "workspace", "lint", "report"},
    "lsp": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "report", "api",
            "format"},
    "execution": LEAVES | {"text", "caffe", "layers", "net", "weights", "batchnorm", "workspace"},
    "comparison": LEAVES | {"text", "caffe", "layers", "net", "weights", "batchnorm", "workspace",
                            "execution"},
    "conversion": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "weights",
                            "batchnorm", "execution", "comparison", "folding", "upgrading",
                            "report.style"},
    "deployment": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "weights",
                            "upgrading", "batchnorm", "folding", "execution", "comparison",
                            "conversion"},
    "recalibration": LEAVES | {"caffe", "layers", "net", "weights", "batchnorm", "execution",
                               "comparison", "conversion"},
    "stats": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "report", "weights",
                       "batchnorm", "execution", "conversion", "picture"},
    "cli": LEAVES | {"text", "caffe", "layers", "net", "workspace", "lint", "report", "weights",
                     "batchnorm", "execution", "comparison", "conversion", "deployment",
                     "upgrading", "recalibration", "stats", "lsp", "format", "picture"},
    "rules": {"diagnostic", "edit", "errors", "float32", "source", "suggest", "names", "words",
              "record", "text", "caffe",
              "layers", "net", "upgrading",
              "weights.kinds", "workspace.reading", "workspace.directives",
              "workspace.thresholds", "lint.rule", "lint.checked_file", "lint.weights",
              "lint.weights_example"},
}  # fmt: skip
#: What stands at the top: it may import everything, and nothing imports it.
DOORS = {"__init__", "__main__"}
#: Third-party packages, and the only places that may import them.
THIRD_PARTY = {
    "click": {"cli"},
    "lark": set(),
    "google": {"caffe", "conversion"},
    "grpc_tools": {"caffe"},
    "numpy": {
        "batchnorm",
        "comparison",
        "conversion",
        "deployment",
        "execution",
        "folding",
        "lint",
        "recalibration",
        "stats",
        "weights",
    },
    "PIL": {"recalibration"},
    "h5py": {"conversion", "weights"},
    "pygls": {"lsp"},
    "lsprotocol": {"lsp"},
    "cv2": set(),
    "matplotlib": {"stats"},
    "safetensors": {"stats"},
    "torch": {"stats"},
}


def package_of(path: Path) -> str:
    if path.parent.name == "rules":
        return "rules"
    relative = path.relative_to(REPOSITORY / "protolint")
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def module_of(path: Path) -> str:
    """The name that a module is imported by."""
    parts = list(path.relative_to(REPOSITORY).with_suffix("").parts)
    if parts[0] == "rules":
        parts = ["protolint", *parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted([*(REPOSITORY / "protolint").rglob("*.py"), *(REPOSITORY / "rules").glob("*.py")])
NAMES = {module_of(path): path for path in MODULES}


def imports_in(text: str, module: str, *, is_package: bool = False) -> set[str]:
    """What a module imports wherever: in functions and under TYPE_CHECKING too.

    Of `from a import b` that is `a.b` where it is a module of ours, else `a`.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                above = module.split(".")[: (1 if is_package else 0) - node.level or None]
                start = ".".join([*above, *filter(None, [node.module])])
            inner = {f"{start}.{alias.name}" for alias in node.names}
            found |= {name if name in NAMES else start for name in inner}
    return found


def imports(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    return imports_in(text, module_of(path), is_package=path.stem == "__init__")


def test_imports_of_every_form_are_seen() -> None:
    text = (
        "from ..cli import verbs\nfrom . import tree\nfrom .tree import Node\nimport os\n"
        "if TYPE_CHECKING:\n    from protolint.net import view\n"
        "def f():\n    from protolint.source import Source\n"
    )
    assert imports_in(text, "protolint.text.values") == {
        "protolint.cli.verbs",
        "protolint.text.tree",
        "os",
        "protolint.net.view",
        "protolint.source",
    }
    assert imports_in("from . import tree", "protolint.text", is_package=True) == {
        "protolint.text.tree"
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_go_one_way(path: Path) -> None:
    package = package_of(path)
    for name in imports(path):
        top, *rest = name.split(".")
        if top in THIRD_PARTY:
            assert package in THIRD_PARTY[top], f"{path.name} imports {name}"
        if top != "protolint" or not rest or rest[0] == package:
            continue
        assert rest[0] != "rules", f"{path.name} imports {name}; only the registry finds rules"
        reached = {rest[0], ".".join(rest[:2])}
        if package in ALLOWED:
            assert reached & ALLOWED[package], f"{path.name} imports {name}"
        elif package in LEAVES:
            assert rest[0] in LEAVES, f"{path.name} imports {name}"
        else:
            assert package in DOORS, f"{package} has no place in the order of packages"


def test_no_two_modules_import_each_other() -> None:
    """Take away, again and again, what imports, or is imported by, nothing that is left."""
    left = {name: imports(path) & NAMES.keys() - {name} for name, path in NAMES.items()}
    while True:
        needed: set[str] = set().union(*left.values())
        inside = {name for name in left if name in needed and left[name] & left.keys()}
        if inside == left.keys():
            break
        left = {name: left[name] & inside for name in inside}
    assert left == {}


def test_the_map_in_contributing_goes_the_way_of_imports() -> None:
    """What a package may import stands above it in the table, or beside it in its row."""
    rows = [
        re.findall(r"`(?:protolint/)?(\w+)(?:\.py)?`", line.split("|")[1])
        for line in (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    place = {name: i for i, row in enumerate(rows) for name in row}
    assert ALLOWED.keys() <= place.keys()
    packages = {path.parent.name for path in (REPOSITORY / "protolint").glob("*/__init__.py")}
    assert packages <= ALLOWED.keys()
    wrong = [
        f"{package} imports {name}"
        for package, names in ALLOWED.items()
        for name in {name.split(".")[0] for name in names - LEAVES}
        if place[name] > place[package]
    ]
    assert wrong == []


def test_the_packages_listed_for_the_wheel_are_those_on_disk() -> None:
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    data = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    listed = set(data["tool"]["setuptools"]["packages"])
    folders = {path.parent for path in (REPOSITORY / "protolint").rglob("__init__.py")}
    names = {".".join(folder.relative_to(REPOSITORY).parts) for folder in folders}
    assert listed == names | {"protolint.rules"}


def test_checking_a_net_imports_nothing_heavy(fixtures: Path, tmp_path: Path) -> None:
    """Not click either, and of protolint no more than a net of its layers needs."""
    shutil.copy(fixtures / "nets" / "bvlc_train_val.prototxt", tmp_path / "net.prototxt")
    program = (
        "import bisect, importlib, math, re, struct, sys, typing, weakref\n"
        "before = set(sys.modules)\n"
        "from protolint.cli import exit_code_of\n"
        "exit_code_of(['check', 'net.prototxt'])\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    loaded: dict[str, set[str]] = {}
    for name in done.stderr.split():
        package, _, module = name.rpartition(".")
        loaded.setdefault(package, set()).add(module)
    assert "check_text" in loaded["protolint.lint"]
    assert loaded.pop("") == {"protolint"}
    del loaded["protolint"]
    assert loaded.keys() == {
        f"protolint.{name}" for name in (
            "caffe", "cli", "layers", "lint", "net", "report", "rules", "text", "weights",
            "workspace",
        )
    }  # fmt: skip
    assert loaded["protolint.cli"] == {"checking", "plain", "terminal"}
    # Families of layers that the net does not have.
    absent = {"detection", "joining", "recurrent", "reducing"}
    assert loaded["protolint.layers"].isdisjoint(absent)
    # Each takes a tenth of a millisecond.
    assert sum(map(len, loaded.values())) < 160


def test_importing_the_package_imports_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import protolint; "
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert set(done.stdout.split()) == {"protolint"}


def test_both_commands_are_installed() -> None:
    points = importlib.metadata.distribution("protolint-caffe").entry_points
    assert {p.name for p in points if p.group == "console_scripts"} == {
        "protolint",
        "protolint-caffe",
    }


def test_verbs_name_their_exit_codes() -> None:
    """So that protolint.errors is the one place that says what they are."""
    bare = [
        f"{path.name}:{node.lineno}"
        for path in (REPOSITORY / "protolint" / "cli").glob("*.py")
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef) and function.name in ("command", "check", "main")
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and type(part.value) is int
    ]
    assert bare == []


def test_one_rule_per_module() -> None:
    from protolint.lint.registry import all_rules

    rules = all_rules()
    modules = [rule.module for rule in rules]
    assert len(set(modules)) == len(modules)
    files = {path.stem for path in (REPOSITORY / "rules").glob("[a-z]*.py")}
    assert {module.split(".")[-1] for module in modules} == files


def decisions_by_name(path: Path, names: set[str]) -> set[int]:
    """The lines that compare versions, ask whose a Caffe is, or write down a Caffe's name.

    Rules have names in their examples, which are values of the module: there only what is in
    a comparison, an index or an argument `dialects` counts.
    """
    found: set[int] = set()
    tree = ast.parse(path.read_text("utf-8"))
    strict = package_of(path) != "rules"
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.keyword) and node.arg == "dialects":
            parts = [node.value]
        elif isinstance(node, ast.Constant) and strict:
            parts = [node]
        elif isinstance(node, ast.Attribute) and node.attr == "nvidia":
            # The marks of a weight file have a field of that name.
            found |= {node.lineno} if "marks" not in ast.unparse(node.value) else set()
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Attribute) and inner.attr == "version":
                    found.add(inner.lineno)
                if isinstance(inner, ast.Constant) and inner.value in names:
                    found.add(inner.lineno)
    return found


def test_nobody_outside_caffe_decides_by_the_name_or_version_of_a_caffe() -> None:
    """What differs by Caffe is asked of the Dialect, so that a new one is one module."""
    from protolint.caffe.registry import DIALECTS, NVIDIA

    names = {*DIALECTS, NVIDIA}
    found = {
        str(path.relative_to(REPOSITORY)): sorted(lines)
        for path in MODULES
        if package_of(path) != "caffe" and (lines := decisions_by_name(path, names))
    }
    assert found == {}
