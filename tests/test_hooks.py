"""The pre-commit hooks and the GitHub Action do what protolint's command line offers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FAULTY = """\
input: "x" input_dim: [1, 3, 8, 8]
layer { name: "bn" type: "batchnorm" bottom: "x" top: "bn" }
"""
FIXABLE = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "bn" batch_norm_param { engine: CAFFE } }
"""
ASKED = os.environ.get("PROTOLINT_NETWORK_TESTS") == "1"
needs_network = pytest.mark.skipif(
    not ASKED, reason="installs from a package index: set PROTOLINT_NETWORK_TESTS=1 to run it"
)


def read_yaml(name: str) -> Any:
    yaml = pytest.importorskip("yaml", reason="reading YAML needs PyYAML")
    return yaml.safe_load((REPOSITORY / name).read_text("utf-8"))


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in read_yaml(".pre-commit-hooks.yaml")}


def test_the_hooks_are_these(hooks: dict[str, dict[str, Any]]) -> None:
    assert list(hooks) == ["protolint-caffe", "protolint-caffe-fix", "protolint-caffe-format"]
    scripts = {
        point.name
        for point in distribution("protolint-caffe").entry_points
        if point.group == "console_scripts"
    }
    for hook in hooks.values():
        assert shlex.split(hook["entry"])[0] in scripts
        assert "--force-exclude" in shlex.split(hook["entry"])
        assert hook["language"] == "python"
        # Rules that compare files need all of them in one process.
        assert hook["require_serial"] is True


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("train_val.prototxt", True),
        ("models/r\u00e9seau 1/deploy.prototxt", True),
        ("caffe.proto", False),
        ("net.prototxt.bak", False),
        ("snapshot.caffemodel", False),
        ("netprototxt", False),
    ],
)
def test_the_hooks_get_prototxt_files(
    hooks: dict[str, dict[str, Any]], path: str, wanted: bool
) -> None:
    for hook in hooks.values():
        assert bool(re.search(hook["files"], path)) == wanted


def test_the_hooks_do_what_they_are_called(
    hooks: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "protolint.toml").write_text(
        'target = "nvidia-0.15"\nselect = ["BN003"]\nexclude = ["old"]\n', "utf-8"
    )
    (tmp_path / "old").mkdir()
    net, excluded = tmp_path / "a b.prototxt", tmp_path / "old" / "net.prototxt"
    for path in (net, excluded):
        path.write_text(FIXABLE, "utf-8")
    check, fix, layout = (shlex.split(hook["entry"])[1:] for hook in hooks.values())
    assert run(*check, excluded, cwd=tmp_path).returncode == 0
    assert run(*check, net, excluded, cwd=tmp_path).returncode == 1
    assert net.read_text("utf-8") == FIXABLE
    assert run(*fix, net, excluded, cwd=tmp_path).returncode == 0
    assert "scale_filler" in net.read_text("utf-8")
    assert excluded.read_text("utf-8") == FIXABLE
    assert run(*check, net, cwd=tmp_path).returncode == 0
    assert run(*layout, net, excluded, cwd=tmp_path).returncode == 0
    assert excluded.read_text("utf-8") == FIXABLE
    assert run("format", "--check", net, cwd=tmp_path).returncode == 0


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments],
        cwd=folder, check=True, capture_output=True, text=True, timeout=120,
    ).stdout.strip()  # fmt: skip


def clone_of_this_repository(folder: Path) -> str:
    """A repository with what an installation from git needs, and its commit."""
    for name in ("protolint", "rules", "pyproject.toml", "docs/package/page.md", "LICENSE",
                 ".pre-commit-hooks.yaml"):  # fmt: skip
        source = REPOSITORY / name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "as it is")
    return git(folder, "rev-parse", "HEAD")


@needs_network
def test_pre_commit_installs_and_runs_the_hooks(tmp_path: Path) -> None:
    pre_commit = shutil.which("pre-commit", path=Path(sys.executable).parent) or shutil.which(
        "pre-commit"
    )
    if pre_commit is None or shutil.which("git") is None:
        pytest.skip("pre-commit or git is not installed")
    source, project = tmp_path / "source", tmp_path / "project"
    source.mkdir()
    project.mkdir()
    commit = clone_of_this_repository(source)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source}\n  rev: {commit}\n  hooks:\n"
        "  - id: protolint-caffe\n    args: [--select, 'PT005,BN003']\n"
        "  - id: protolint-caffe-fix\n    args: [--select, BN003]\n",
        "utf-8",
    )
    (project / "protolint.toml").write_text('target = "nvidia-0.15"\nexclude = ["old"]\n', "utf-8")
    (project / "old").mkdir()
    (project / "old" / "net.prototxt").write_text(FAULTY, "utf-8")
    (project / "r\u00e9seau 1.prototxt").write_text(FIXABLE, "utf-8")
    (project / "notes.txt").write_text("no net\n", "utf-8")
    git(project, "init", "--quiet")
    git(project, "add", ".")

    def run_hooks() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [pre_commit, "run", "--all-files", "--color", "never"],
            cwd=project, capture_output=True, text=True, encoding="utf-8", timeout=900,
            env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONUTF8": "1"},
        )  # fmt: skip

    done = run_hooks()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "protolint (Caffe nets)" in done.stdout
    assert "error[BN003]: bn: gamma has no scale_filler" in done.stdout
    assert "- files were modified by this hook" in done.stdout
    assert "PT005" not in done.stdout
    assert "scale_filler" in (project / "r\u00e9seau 1.prototxt").read_text("utf-8")
    git(project, "add", ".")
    done = run_hooks()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 2
    (project / "net.prototxt").write_text(FAULTY, "utf-8")
    git(project, "add", ".")
    done = run_hooks()
    assert done.returncode == 1
    assert "net.prototxt:2:" in done.stdout
    validated = subprocess.run(
        [pre_commit, "validate-manifest", str(REPOSITORY / ".pre-commit-hooks.yaml")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert validated.returncode == 0, validated.stdout


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    described: dict[str, Any] = read_yaml("action.yml")
    return described


def test_the_action_is_described(action: dict[str, Any]) -> None:
    assert set(action["inputs"]) == {"paths", "target", "args", "sarif-file", "version"}
    for described in (*action["inputs"].values(), *action["outputs"].values()):
        assert described["description"]
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        # What a user gives must not become part of a script.
        assert "${{" not in step["run"]
        for value in step["env"].values():
            (name,) = re.findall(r"^\$\{\{ inputs\.([\w-]+) \}\}$", value)
            assert name in action["inputs"]


def run_action(
    action: dict[str, Any], folder: Path, **inputs: str
) -> subprocess.CompletedProcess[str]:
    """The action's second step as a runner would start it, with this protolint installed."""
    if os.name == "nt" or shutil.which("bash") is None:
        pytest.skip("the steps of the action are bash scripts")
    programs = folder / "runner" / "protolint" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    program = programs / "protolint-caffe"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m protolint "$@"\n')
    program.chmod(0o755)
    step = action["runs"]["steps"][1]
    given = {name: str(described["default"]) for name, described in action["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    environment = {
        name: given[re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", r"\1", value)]
        for name, value in step["env"].items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120,
        env={**os.environ, "RUNNER_TEMP": str(folder / "runner"), **environment},
    )  # fmt: skip


def test_the_action_annotates_and_writes_sarif(action: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "r\u00e9seau 1.prototxt").write_text(FAULTY, "utf-8")
    done = run_action(action, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "::error file=" in done.stdout
    assert "BatchNorm" in done.stdout
    report = import_module("json").loads((tmp_path / "protolint.sarif").read_text("utf-8"))
    assert [result["ruleId"] for result in report["runs"][0]["results"]] == ["PT005"]


def test_the_actions_inputs_reach_protolint(action: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "net.prototxt").write_text(FIXABLE, "utf-8")
    (tmp_path / "other.prototxt").write_text(FAULTY, "utf-8")
    select = "--select BN003"
    done = run_action(
        action, tmp_path, paths="a b\n\n", target="bvlc nvidia-0.15\n", args=select, sarif_file=""
    )
    assert done.returncode == 1, done.stderr
    assert "BN003" in done.stdout
    assert "other.prototxt" not in done.stdout
    assert not (tmp_path / "protolint.sarif").exists()
    clean = run_action(action, tmp_path, paths="a b", target="bvlc", args=select, sarif_file="")
    assert clean.returncode == 0, clean.stderr


def test_what_a_user_gives_is_not_run(action: dict[str, Any], tmp_path: Path) -> None:
    hostile = "$(touch run); `touch run`; *"
    done = run_action(action, tmp_path, paths=hostile, target=hostile, args=hostile, sarif_file="")
    assert done.returncode == 2
    assert not (tmp_path / "run").exists()


@needs_network
def test_the_actions_first_step_installs_protolint(action: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    clone_of_this_repository(source)
    step = action["runs"]["steps"][0]
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path, check=True, timeout=900,
        env={**os.environ, "RUNNER_TEMP": str(tmp_path / "runner"), "PROTOLINT_VERSION": "",
             "GITHUB_ACTION_PATH": str(source)},
    )  # fmt: skip
    installed = tmp_path / "runner" / "protolint" / "bin" / "protolint-caffe"
    done = subprocess.run([installed, "--version"], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("protolint (Caffe prototxt and caffemodel) ")


def blocks(name: str, language: str = "yaml") -> list[str]:
    """The fenced blocks of a document that are whole files, or what a shell is given."""
    text = (REPOSITORY / name).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def recipes(name: str) -> list[Any]:
    """The YAML blocks of a document, read."""
    yaml = pytest.importorskip("yaml", reason="reading YAML needs PyYAML")
    return [yaml.safe_load(block) for block in blocks(name)]


def test_the_recipes_name_hooks_and_inputs_that_exist(
    hooks: dict[str, dict[str, Any]], action: dict[str, Any]
) -> None:
    workflow, _, pre_commit = recipes("docs/ci.md")
    steps = workflow["jobs"]["protolint"]["steps"]
    used = [step for step in steps if "/protolint@" in step["uses"]]
    assert [set(step["with"]) <= set(action["inputs"]) for step in used] == [True]
    written = action["inputs"]["sarif-file"]["default"]
    assert steps[-1]["with"]["sarif_file"] == written
    (repository,) = pre_commit["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= set(hooks)
    text = (REPOSITORY / "docs" / "ci.md").read_text("utf-8")
    for name, described in action["inputs"].items():
        assert f"| `{name}` |" in text, described


def test_the_readmes_recipes_name_what_exists(
    hooks: dict[str, dict[str, Any]], action: dict[str, Any]
) -> None:
    workflow, pre_commit = recipes("README.md")
    (step,) = [s for s in workflow["jobs"]["protolint"]["steps"] if "/protolint@" in s["uses"]]
    assert set(step["with"]) <= set(action["inputs"])
    (repository,) = pre_commit["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= set(hooks)
    assert step["uses"].split("@") == [repository["repo"].split(".com/")[1], repository["rev"]]


@needs_network
def test_the_readmes_hook_works_as_pasted(tmp_path: Path) -> None:
    pre_commit = shutil.which("pre-commit", path=Path(sys.executable).parent) or "pre-commit"
    source, project = tmp_path / "source", tmp_path / "project"
    source.mkdir()
    project.mkdir()
    commit = clone_of_this_repository(source)
    _, pasted = blocks("README.md")
    (repository,) = recipes("README.md")[1]["repos"]
    local = pasted.replace(repository["repo"], str(source)).replace(repository["rev"], commit)
    assert local != pasted
    (project / ".pre-commit-config.yaml").write_text(local, "utf-8")
    git(project, "init", "--quiet")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONUTF8": "1"}
    subprocess.run(
        [pre_commit, "install"], cwd=project, env=environment, check=True, timeout=120,
        capture_output=True,
    )  # fmt: skip
    (project / "net.prototxt").write_text(FAULTY, "utf-8")
    git(project, "add", ".")
    done = subprocess.run(
        ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-m", "net"],
        cwd=project, env=environment, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 1
    assert "error[PT005]" in done.stdout + done.stderr


@needs_network
def test_the_readmes_shell_lines_work_as_pasted(tmp_path: Path) -> None:
    (lines,) = [block for block in blocks("README.md", "text") if "pip install" in block]
    (tmp_path / "net.prototxt").write_text(FAULTY, "utf-8")
    # The folder beside the nets is this very checkout.
    local = lines.replace(" ./protolint", f" {shlex.quote(str(REPOSITORY))}")
    done = subprocess.run(
        ["sh", "-c", local], cwd=tmp_path, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 1
    assert "net.prototxt:2:" in done.stdout
    assert "PT005" in done.stdout


def test_the_gitlab_job_writes_the_report_it_hands_over(tmp_path: Path) -> None:
    (job,) = recipes("docs/gitlab.md")
    (command,) = [line for line in job["protolint"]["script"] if line.startswith("protolint ")]
    (tmp_path / "net.prototxt").write_text(FAULTY, "utf-8")
    done = run(*shlex.split(command)[1:], cwd=tmp_path)
    assert done.returncode == 1
    report = tmp_path / job["protolint"]["artifacts"]["reports"]["codequality"]
    (finding,) = import_module("json").loads(report.read_text("utf-8"))
    assert finding["check_name"].startswith("PT005")
    assert finding["severity"] == "critical"
    assert "PT005" in done.stdout
