"""The options of the first ten minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .command import CLEAN, process, run, write

WRONG = 'layer { name: "x" type: "ReLU" bottom: "none" top: "y" }\n'
ADVICE = (
    'layer { name: "d" type: "DummyData" top: "d" top: "l"\n'
    "  dummy_data_param { shape { dim: 8 dim: 3 dim: 8 dim: 8 } shape { dim: 8 } } }\n"
    'layer { name: "c" type: "Convolution" bottom: "d" top: "c" convolution_param {\n'
    "  num_output: 2 kernel_size: 1 weight_filler { type: 'xavier' } } }\n"
    'layer { name: "b" type: "BatchNorm" bottom: "c" top: "b" }\n'
    'layer { name: "s" type: "Scale" bottom: "b" top: "s" scale_param { bias_term: true } }\n'
    'layer { name: "f" type: "InnerProduct" bottom: "s" top: "s2" inner_product_param {\n'
    "  num_output: 4 weight_filler { type: 'xavier' } } }\n"
    'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "s2" bottom: "l" top: "loss" }\n'
)


def test_stdin_filename_reads_standard_input(tmp_path: Path) -> None:
    done = process("check", "--stdin-filename", "x.prototxt", cwd=tmp_path, stdin=WRONG.encode())
    assert "x.prototxt:1" in done.stdout
    assert done.returncode == 1
    assert run("check", "--stdin-filename", "x.prototxt", tmp_path).returncode == 2


def test_quiet_leaves_the_summary_out(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", WRONG)
    loud = run("check", "--output-format", "concise", tmp_path).stdout
    quiet = run("check", "--quiet", "--output-format", "concise", tmp_path).stdout
    assert loud.startswith(quiet)
    assert quiet.endswith("\n")
    assert "Found" in loud
    assert "Found" not in quiet
    write(tmp_path, "a.prototxt", CLEAN)
    assert run("check", "-q", tmp_path).stdout == ""


def test_a_configuration_can_be_named(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", WRONG)
    write(tmp_path, "protolint.toml", 'target = "bvlc"\n')
    other = write(tmp_path, "other.toml", 'target = "nvidia-0.17"\n')

    def target(*options: str | Path) -> str:
        done = run("check", "--output-format", "json", *options, net)
        name: str = json.loads(done.stdout)["files"][0]["target"]
        return name

    assert target() == "bvlc"
    assert target("--config", other) == "nvidia-0.17"
    assert target("--config", "target=nvidia-0.15") == "nvidia-0.15"
    assert target("--config", other, "--config", 'target="nvidia-0.15"') == "nvidia-0.15"
    done = run("check", "--config", "targt=bvlc", net)
    assert done.returncode == 2
    assert "--config: unknown key 'targt'; did you mean 'target'?" in done.stderr
    assert "no such file" in run("check", "--config", tmp_path / "none.toml", net).stderr


def test_what_tools_make_is_not_searched(tmp_path: Path) -> None:
    for folder in ("node_modules", "build", "dist", "env", "models"):
        (tmp_path / folder).mkdir()
        write(tmp_path, f"{folder}/a.prototxt", CLEAN)
    write(tmp_path, "env/pyvenv.cfg", "")
    shown = run("check", "--show-files", ".", cwd=tmp_path).stdout
    assert shown.splitlines() == [str(Path("models/a.prototxt"))]
    done = run("check", "--exclude", "models", ".", cwd=tmp_path)
    assert "every file is excluded" in done.stderr


def test_advice_does_not_fail(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", ADVICE)
    done = run("check", "--target", "bvlc", net)
    assert "BN022" in done.stdout
    assert done.returncode == 0
    assert run("check", "--target", "bvlc", "--fail-level", "info", net).returncode == 1
    assert "1 fixable with --fix --unsafe-fixes" in done.stdout


def test_a_finding_for_several_targets_is_shown_once(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", ADVICE)
    targets = ("--target=bvlc", "--target=nvidia-0.17")
    shown = run("check", *targets, net).stdout
    assert shown.count("BN022") == 1
    assert "for bvlc and nvidia-0.17" in shown
    assert "Found 1 info" in shown
    document = json.loads(run("check", *targets, "--output-format", "json", net).stdout)
    assert [d["target"] for d in document["diagnostics"]] == ["bvlc", "nvidia-0.17"]


def test_programs_learn_of_files_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", CLEAN)
    (tmp_path / "b.prototxt").write_bytes(b"\0\1\2" * 40)
    document = json.loads(run("check", "--output-format", "json", tmp_path).stdout)
    assert [text for text in document["errors"] if "b.prototxt" in text]
    sarif = json.loads(run("check", "--output-format", "sarif", tmp_path).stdout)
    (invocation,) = sarif["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (note,) = invocation["toolExecutionNotifications"]
    assert "b.prototxt" in note["message"]["text"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('target = "bvlc"\nselct = ["BN"]\n', "protolint.toml:2: unknown key 'selct'"),
        ('\n\n[severity]\nBN001 = "bad"\n', "protolint.toml:3: 'severity.BN001'"),
        ('\nignore = ["BN01"]\n', "protolint.toml:2: 'ignore'"),
    ],
)
def test_a_wrong_configuration_has_a_line(tmp_path: Path, text: str, place: str) -> None:
    write(tmp_path, "protolint.toml", text)
    done = run("check", write(tmp_path, "a.prototxt", CLEAN))
    assert done.returncode == 2
    assert place in done.stderr


def test_other_names_of_the_format_still_work(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", CLEAN)
    for verb in ("check", "show"):
        same = {run(verb, name, "json", net).stdout for name in ("--format", "--output-format")}
        assert len(same) == 1
        assert json.loads(same.pop())


def test_a_misspelt_option_has_one_suggestion_and_version_is_found_as_a_command() -> None:
    shown = run("check", "--selct", "x").stderr.splitlines()[-1]
    assert shown == "Error: No such option '--selct'. Did you mean '--select'?"
    assert run("version").stdout == run("--version").stdout


def test_targets_that_agree_are_said_in_one_breath(tmp_path: Path) -> None:
    targets = ("bvlc", "nvidia-0.16", "nvidia-0.17")
    asked = [word for target in targets for word in ("--target", target)]
    shown = run("check", *asked, write(tmp_path, "a.prototxt", ADVICE)).stdout.splitlines()[-1]
    assert shown.endswith("It builds in TRAIN and TEST for bvlc, nvidia-0.16 and nvidia-0.17.")


def test_an_empty_name_is_seen(tmp_path: Path) -> None:
    done = run("check", "--", "", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "protolint: '': no such file or folder\n")


def test_what_runs_the_command_line_is_a_function_after_it_ran() -> None:
    program = (
        "from protolint.cli import exit_code_of; exit_code_of(['version']); "
        "from protolint.cli import main; assert callable(main)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_no_command_is_answered_by_the_help() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == run("--help").stdout


def test_what_is_suppressed_is_counted_where_nothing_else_is_found(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", f"# protolint: ignore-file[NT001] known\n{WRONG}")
    shown = run("check", "--select", "NT001,NT002", net).stdout
    assert shown.startswith("No findings in 1 file, checked for bvlc (")
    assert shown.endswith("). 1 suppressed.\n")
