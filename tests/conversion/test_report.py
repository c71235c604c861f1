"""What a conversion says: each thing once, as wide as there is room, every code explained."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from protolint.cli.convert import command as convert_command
from protolint.cli.rule import command as rule_command
from protolint.conversion.notes import CODES, Note
from protolint.conversion.report import ConversionReport, FileResult, render_text
from tests.cli.command import run

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "fixtures" / "golden"
OLD = GOLDEN / "nvcaffe-0.15.14"
BVLC = GOLDEN / "bvlc-master-9b89154"
LOSS = 'layer { name: "l" type: "EuclideanLoss" bottom: "e" bottom: "e" top: "l" }\n'
DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" }\n'
INPUT = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
CONV = (
    'layer { name: "k" type: "Convolution" bottom: "data" top: "c"'
    " convolution_param { num_output: 4 kernel_size: 1 } }\n"
)
NORM = 'layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" %s }\n'
SCALE = 'layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "%s" }\n'


def lines(*notes: Note, width: int | None = None) -> list[str]:
    """The lines of the notes of a report."""
    file = FileResult("a", "b", "prototxt", "bvlc", notes=notes)
    return render_text(ConversionReport("nvidia-0.17", (file,)), width).splitlines()[1:-1]


def converted(*arguments: str | Path, columns: str = "") -> tuple[list[str], str]:
    """The lines of a conversion on standard output, and standard error."""
    done = run("convert", *arguments, COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def shown_of(text: str, folder: Path, *options: str) -> str:
    """The notes of a net."""
    path = folder / "net.prototxt"
    path.write_text(text)
    return "\n".join(converted("--dry-run", *options, path)[0][1:])


# Codes.


def emitted() -> set[str]:
    """The codes that stand as strings anywhere in the code of conversions but their table."""
    found = set()
    for path in (ROOT / "protolint" / "conversion").glob("*.py"):
        if path.name == "codes.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"^CV\d+$", node.value))
    return found


def test_every_code_is_explained_and_none_that_no_note_has() -> None:
    assert set(CODES) == emitted()
    page = (ROOT / "docs" / "convert.md").read_text("utf-8")
    rows = re.findall(r"^\| (CV\d+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(code, note.name, note.summary) for code, note in CODES.items()]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained_as_a_note_and_no_rule(code: str) -> None:
    run = CliRunner().invoke
    page = run(rule_command, [code.lower()]).output
    assert page.startswith(f"{code} {CODES[code].name} (a note of protolint convert, no rule)\n")
    assert max(map(len, page.splitlines())) <= 100
    assert run(rule_command, [CODES[code].name]).output == page
    described = json.loads(run(rule_command, [code, "--output-format", "json"]).output)
    assert (described["code"], described["kind"]) == (code, "note of convert")
    assert described["documentation"].strip() in page
    assert code not in run(rule_command, ["--all"]).output


# Lines.


def test_notes_that_differ_in_the_name_they_begin_with_are_one_line() -> None:
    notes = [Note("CV002", f"bn{i}", f"'sc{i}' kept because of its axis") for i in range(5)]
    (line,) = lines(*notes, Note("CV002", "bn0", notes[0].message))
    assert line == (
        "  CV002: layers 'bn0', 'bn1', 'bn2' and 2 more: 'sc0' and 4 more kept because of its axis"
    )
    assert lines(notes[3]) == ["  CV002: layer 'bn3': 'sc3' kept because of its axis"]


def test_notes_with_another_reason_or_code_are_lines_of_their_own() -> None:
    notes = [
        Note("CV002", "a", "'x' kept because of its axis"),
        Note("CV002", "b", "'y' kept because of its bias"),
        Note("", "c", "'z' kept because of its axis"),
        Note("CV003", "a", "eps 1 becomes 2"),
        Note("CV003", "b", "eps 1 becomes 3"),
    ]
    assert len(lines(*notes)) == len(notes)


@pytest.mark.parametrize("width", [1, 20, 40, 80, 200])
def test_notes_are_broken_between_words_and_hang(width: int) -> None:
    note = Note("CV002", "long-name", "'its scale' kept as a layer of its own because " * 3)
    (whole,) = lines(note)
    broken = lines(note, width=width)
    assert " ".join(line.strip() for line in broken) == whole.strip()
    assert all(line.startswith("    ") for line in broken[1:])
    assert not broken[0].startswith("   ")
    for line in broken:
        assert len(line) <= width or " " not in line.strip()


def test_the_last_line_says_what_was_written() -> None:
    def shown(*files: FileResult, dry_run: bool = False) -> list[str]:
        return render_text(ConversionReport("bvlc", files, dry_run)).splitlines()

    made = FileResult("a", "b", "prototxt", "nvidia-0.15")
    copy = FileResult("c", "d", "caffemodel", "bvlc", copied=True)
    assert shown(made) == ["a -> b (prototxt, nvidia-0.15 to bvlc)", "Wrote 1 file."]
    assert shown(copy, copy)[0] == "c -> d (caffemodel, bvlc to bvlc, unchanged)"
    assert shown(copy, copy)[-1] == "Wrote 2 files; nothing was to convert."
    assert shown(made, copy)[-1] == "Wrote 2 files; in 1 of them nothing was to convert."
    assert shown(made, copy, dry_run=True)[-1] == "Nothing was written."
    assert shown(made._replace(output="-"))[-1].startswith("a -> standard output")


def test_a_model_of_the_target_is_copied_and_that_is_said(tmp_path: Path) -> None:
    made = (tmp_path / "brook.prototxt", tmp_path / "brook.caffemodel")
    given = [BVLC / path.name for path in made]
    shown, _ = converted("--to", "bvlc", *given, "-o", f"{tmp_path}/")
    assert shown[-1] == "Wrote 2 files; nothing was to convert."
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in given]
    shown, _ = converted("--to", "nvidia-0.17", *given, "-o", f"{tmp_path}/", "--force")
    assert shown[-1] == "Wrote 2 files."
    assert not any("unchanged" in line for line in shown)


def test_colour_changes_no_letter() -> None:
    arguments = ("--dry-run", "--to", "nvidia-0.17", BVLC / "brook.prototxt")
    plain, _ = converted(*arguments)
    shown, _ = converted(*arguments, "--color", "always")
    assert shown != plain
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in shown] == plain
    assert converted(*arguments, "--no-color")[0] == plain


def test_lines_are_as_long_as_they_need_be_unless_columns_are_given() -> None:
    arguments = (
        "--dry-run",
        "--to",
        "nvidia-0.15",
        OLD / "brook.prototxt",
        OLD / "brook.caffemodel",
    )
    piped, _ = converted(*arguments)
    (note,) = [line for line in piped if "written for cuDNN" in line]
    assert len(note) > 100
    narrow, _ = converted(*arguments, columns="80")
    at = next(i for i, line in enumerate(narrow) if line.startswith("  note: "))
    assert len(narrow[at]) <= 80
    assert narrow[at + 1].startswith("    ")
    assert note.split() == " ".join(narrow[at:]).split()[: len(note.split())]


# What is said.


def test_a_new_scale_layer_is_called_by_its_name(tmp_path: Path) -> None:
    inside = "batch_norm_param { scale_bias: true }"
    one = INPUT + CONV + NORM % inside
    two = one + (NORM % inside).replace('"n"', '"n2"')
    options = ("--from", "nvidia-0.17", "--to", "bvlc")
    shown = shown_of(one, tmp_path, *options)
    assert "layer 'n': 'n_scale' added: a Scale layer for gamma and beta" in shown
    shown = shown_of(two, tmp_path, *options)
    assert "layers 'n', 'n2': 'n_scale' and 1 more added: a Scale layer for gamma and beta" in shown
    shown = shown_of(two, tmp_path, *options, "--scale-name", "x_{bn}")
    assert "'x_n' and 1 more added" in shown
    assert "{bn}" not in shown


@pytest.mark.parametrize(("top", "is_output"), [("c", True), ("e", False)])
def test_an_output_that_is_renamed_is_told(top: str, is_output: bool, tmp_path: Path) -> None:
    """ReLU writes in place, so that the blob is the output, or writes an output of its own."""
    cases = [
        (DATA + CONV + NORM % "" + RELU % top, ("--to", "nvidia-0.14")),
        (DATA + CONV + NORM % "" + SCALE + RELU % top, ("--to", "nvidia-0.15")),
        (
            INPUT + CONV + NORM % "" + SCALE + RELU % top,
            ("--to", "nvidia-0.14", "--engine", "caffe", "--scale-as", "convolution"),
        ),
    ]
    for text, options in cases:
        shown = shown_of(text, tmp_path, *options)
        assert "'n' added: a blob that" in shown
        assert ("the net's output 'c' is now called 'n'" in shown) is is_output
        made = CliRunner().invoke(
            convert_command, [*options, str(tmp_path / "net.prototxt"), "-o", "-"]
        )
        tops = re.findall(r'top: "(\w+)"', made.output)
        bottoms = re.findall(r'bottom: "(\w+)"', made.output)
        assert tops[-1] == ("n" if is_output else "e")
        assert bottoms[-1] == "n"


def test_a_frozen_layer_says_that_the_weights_have_to_come_along(tmp_path: Path) -> None:
    frozen = "batch_norm_param { use_global_stats: true }"
    shown = shown_of(
        DATA + CONV + NORM % frozen + RELU % "e" + LOSS, tmp_path, "--to", "nvidia-0.17"
    )
    assert "frozen, so it becomes a Scale layer" in shown
    assert "convert the weights in the same call" in shown


# The engine.


def test_an_engine_that_changes_by_default_is_told(tmp_path: Path) -> None:
    """The weights are those of engine CAFFE, and the net names none."""
    net, weights = OLD / "brook.prototxt", OLD / "brook.caffemodel"
    options = ("--dry-run", "--to", "nvidia-0.15")
    shown = "\n".join(converted(*options, net, weights)[0])
    assert "N15A -> N15C" in shown
    assert "layers 'norm_a', 'norm_b': written for cuDNN, the engine of nvidia-0.15 unless" in shown
    (file, _) = json.loads("\n".join(converted(*options, net, weights, "--report", "json")[0]))[
        "files"
    ]
    assert [note["layer"] for note in file["notes"]] == ["norm_a", "norm_b"]
    for engine in ("caffe", "cudnn"):
        shown = "\n".join(converted(*options, net, weights, "--engine", engine)[0])
        assert "written for cuDNN" not in shown
    assert "N15A " in "\n".join(converted(*options, weights)[0])
    assert "written for cuDNN" not in "\n".join(converted(*options, weights)[0])
    bvlc = (BVLC / "brook.prototxt", BVLC / "brook.caffemodel")
    assert "written for cuDNN" not in "\n".join(converted(*options, *bvlc)[0])
    named = tmp_path / "named.prototxt"
    named.write_text(
        net.read_text("utf-8").replace("batch_norm_param {", "batch_norm_param { engine: CAFFE")
    )
    assert "engine: CAFFE" in named.read_text("utf-8")
    shown = "\n".join(converted(*options, named, weights)[0])
    assert "written for cuDNN" not in shown
