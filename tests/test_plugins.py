"""Rules of other distributions: found, run, and clearly told where they are broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protolint.lint.plugins import Plugin, find_plugins
from protolint.lint.rule import Scope, checked_file_rule, run_rule

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "tests" / "plugin"
NET = 'input: "x" input_dim: [1, 3, 8, 8]\nlayer { type: "PReLU" bottom: "x" top: "y" }\n'
RULE = """
from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, file_rule

@file_rule("{code}", "{name}", Severity.INFO, dialects={dialects})
def check(file):
    {body}
"""


def run(path: Path, *arguments: str | Path, stdin: str = NET) -> subprocess.CompletedProcess[str]:
    """The command line with the distributions of a folder installed."""
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONIOENCODING": "utf-8"},
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done


def declare(folder: Path, name: str, entry: str, group: str = "protolint.rules") -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(
        f"[console_scripts]\nx = y:z\n\n[{group}]\n{entry}\n", "utf-8"
    )


def rule(
    code: str = "XY001", name: str = "a-name", body: str = "yield from ()", dialects: str = "()"
) -> str:
    return RULE.format(code=code, name=name, body=body, dialects=dialects)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example package."""
    pytest.importorskip("setuptools", minversion="77", reason="building needs setuptools")
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("target")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--target", str(target), str(source)],
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    return target


def test_an_installed_rule_is_a_rule_like_any_other(installed: Path) -> None:
    found = json.loads(run(installed, "check", "--output-format", "json", "-").stdout)
    assert [(d["code"], d["line"]) for d in found["diagnostics"]] == [("AC001", 2)]
    assert run(installed, "check", "--select", "AC", "-").returncode == 1
    assert run(installed, "check", "--ignore", "unnamed-layer", "-").returncode == 0
    suppressed = f"# protolint: ignore-file[AC001] made by a script\n{NET}"
    assert run(installed, "check", "-", stdin=suppressed).returncode == 0


def test_an_installed_rule_is_explained_and_listed(installed: Path) -> None:
    page = run(installed, "rule", "ac001").stdout
    assert page.startswith("AC001 unnamed-layer (warning, for every Caffe)\n")
    assert "Weights are matched to layers by name alone" in page
    listed = run(installed, "rule", "--all").stdout.splitlines()
    assert listed[0].split()[:2] == ["AC001", "unnamed-layer"]
    assert len(listed) == len(run(Path(), "rule", "--all").stdout.splitlines()) + 1


def test_the_names_of_older_packages_are_kept() -> None:
    assert Scope["RUN"] is Scope.CHECKED_FILE
    assert run_rule is checked_file_rule


GUIDE = (REPOSITORY / "docs" / "plugins.md").read_text("utf-8")


def shown(language: str) -> list[str]:
    """The blocks of one language in the guide."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_shows_the_example() -> None:
    (project,) = shown("toml")
    assert set(project.splitlines()) <= set(
        (EXAMPLE / "pyproject.toml").read_text("utf-8").splitlines()
    )
    module = EXAMPLE / "acme_protolint_rules" / "ac001_unnamed_layer.py"
    assert shown("python")[0] == module.read_text("utf-8")


def test_the_guides_way_to_test_a_rule_works(installed: Path) -> None:
    def holds(program: str) -> bool:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True, text=True, timeout=120, cwd=installed,
            env={**os.environ, "PYTHONPATH": str(installed)},
        )  # fmt: skip
        assert done.returncode == 0 or "AssertionError" in done.stderr, done.stderr
        return done.returncode == 0

    program = shown("python")[1]
    assert holds(program)
    assert not holds(
        program.replace("(*rule.VALID, *rule.INVALID)", "[rule.INVALID[0]._replace(lines=(3,))]")
    )


_MODULES = {
    "import error": ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    "syntax error": ("def (", "SyntaxError: "),
    "exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "code taken": (
        rule("BN001"),
        "rule BN001 is defined in protolint.rules.bn001_inplace_cudnn_batchnorm and their_rules",
    ),
    "name taken": (
        rule(name="unknown-bottom"), "XY001 and NT001 have one name, unknown-bottom"
    ),
    "no code": (rule("my rule"), "'my rule' is no code; one is letters and digits, as in XY001"),
    "no name": (rule(name="My Rule"), "'My Rule' is no name; one is words-with-dashes"),
    "unknown target": (rule(dialects="('caffe2',)"), "XY001 is for unknown targets: caffe2"),
    "two in one module": (
        rule() + rule("XY002", "b-name"), "are in one module, their_rules; a module holds one rule"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _MODULES)
@pytest.mark.parametrize("command", [("check", "-"), ("rule", "--all")], ids=["check", "rule"])
def test_a_distribution_that_cannot_be_loaded_is_named(
    tmp_path: Path, case: str, command: tuple[str, ...]
) -> None:
    code, message = _MODULES[case]
    declare(tmp_path, "their-rules", "theirs = their_rules")
    (tmp_path / "their_rules.py").write_text(code, "utf-8")
    done = run(tmp_path, *command)
    assert (done.returncode, done.stdout) == (2, "")
    (shown,) = done.stderr.splitlines()
    assert shown.startswith(
        "protolint: the rules of their-rules 1.0 (entry point 'theirs' of protolint.rules) cannot "
        "be loaded: "
    )
    assert message in shown
    assert shown.endswith("; repair or uninstall that distribution")


def test_an_entry_point_that_names_an_object_is_refused(tmp_path: Path) -> None:
    declare(tmp_path, "their-rules", "theirs = their_rules:check")
    assert "'their_rules:check' is no module" in run(tmp_path, "rule", "--all").stderr


def test_two_distributions_with_one_code_are_refused(tmp_path: Path) -> None:
    for name in ("a-rules", "b-rules"):
        declare(tmp_path, name, f"rules = {name[0]}_rules")
        (tmp_path / f"{name[0]}_rules.py").write_text(rule(name=f"{name[0]}-name"), "utf-8")
    done = run(tmp_path, "check", "-")
    assert done.returncode == 2
    assert "the rules of b-rules 1.0 " in done.stderr
    assert "rule XY001 is defined in a_rules and b_rules" in done.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("return 3", "TypeError: 'int' object is not iterable"),
        ("yield 'this'", "TypeError: it yields 'this', which is no Finding"),
    ],
)
def test_a_rule_that_fails_is_named(tmp_path: Path, body: str, message: str) -> None:
    declare(tmp_path, "their-rules", "theirs = their_rules")
    (tmp_path / "their_rules.py").write_text(rule(body=body), "utf-8")
    done = run(tmp_path, "check", "-", "--stdin-filename", "a.prototxt")
    assert done.returncode == 2
    assert done.stderr == (
        f"protolint: rule XY001 of their-rules 1.0 failed on a.prototxt: {message}; "
        "leave it out with --ignore XY001\n"
    )
    assert run(tmp_path, "check", "--ignore", "XY001", "-").returncode == 0


def test_a_load_that_failed_fails_again_until_it_is_repaired(tmp_path: Path) -> None:
    declare(tmp_path, "their-rules", "theirs = their_rules")
    (tmp_path / "their_rules.py").write_text(rule() + "\nimport nowhere\n", "utf-8")
    program = f"""
from protolint.errors import ProtolintError
from protolint.lint.registry import all_rules
for _ in range(2):
    try:
        all_rules()
    except ProtolintError as error:
        print("nowhere" in str(error))
open({str(tmp_path / "nowhere.py")!r}, "w").close()
import importlib
importlib.invalidate_caches()
print("XY001" in [rule.code for rule in all_rules()])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=120,
    )
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


def test_the_first_of_a_distribution_that_is_there_twice_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("second", "first"):
        declare(tmp_path / folder, "Their_Rules", f"theirs = {folder}")
    monkeypatch.setattr(sys, "path", [str(tmp_path / folder) for folder in ("first", "second")])
    assert find_plugins() == [Plugin("Their-Rules 1.0", "theirs", "first")]


def test_only_the_groups_own_entry_points_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(tmp_path, "a", "a = a", group="protolint.rules.old")
    declare(tmp_path, "b", "# c = d\nb = b_rules [extra]\n\n[other]\ne = protolint.rules")
    (tmp_path / "c-1.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path)])
    assert find_plugins() == [Plugin("b 1.0", "b", "b_rules")]


def test_looking_for_plug_ins_does_not_import_what_reads_metadata() -> None:
    program = (
        "import sys; from protolint.lint.registry import all_rules; all_rules(); "
        "print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "False", done.stderr
