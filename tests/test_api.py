"""The Python API: stable names, the command line's answers, errors of one family."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import protolint
from protolint.errors import InputError, UsageError
from protolint.report import FORMATS
from tests.cli.command import run, write

NAMES = {
    "Applicability", "Change", "Changes", "CheckResult", "Comparison", "ConfigError",
    "ConversionReport", "DIALECTS", "Diagnostic", "Dialect", "Edit", "ExecutionError", "Fix",
    "InputError", "Label", "Layer", "Net", "PairError", "Position", "ProofError",
    "ProtolintError", "Recalibration",
    "Severity", "Source", "Span", "UsageError", "View", "__version__",
    "check", "compare", "convert", "deploy", "load", "recalibrate", "run", "upgrade",
    "Deployment", "Upgrade",
}  # fmt: skip
ANY: Any = 3
BN = """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "x"
  top: "y"
}
"""


def test_the_public_names_are_these() -> None:
    assert set(protolint.__all__) == NAMES
    for name in NAMES:
        assert name in dir(protolint)
        assert getattr(protolint, name) is not None
    with pytest.raises(AttributeError, match="module 'protolint' has no attribute 'chekc'"):
        _ = protolint.chekc


def test_no_public_name_is_hidden_by_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(protolint.__path__)}
    assert NAMES & modules == set()


def test_the_parameters_are_these() -> None:
    parameters = inspect.signature(protolint.check).parameters
    assert list(parameters) == [
        "path_or_text", "target", "select", "ignore", "name", "proto", "cudnn", "fine_tune",
        "isolated", "weights", "thresholds",
    ]  # fmt: skip
    assert list(inspect.signature(protolint.load).parameters) == [
        "path_or_text", "target", "name", "proto", "cudnn", "isolated",
    ]  # fmt: skip
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[1:])
    assert list(inspect.signature(protolint.convert).parameters) == [
        "paths", "to", "engine", "source", "bn_stat", "resume", "half", "scale_name",
        "keep_scale", "scale_as", "drop_global_stats", "drop_fields", "output", "force",
        "in_place", "dry_run", "verify_with", "prove", "data", "like", "tolerance", "fold", "proto",
        "cudnn", "isolated",
    ]  # fmt: skip
    assert list(inspect.signature(protolint.deploy).parameters) == [
        "paths", "output", "to", "target", "state", "input_shapes", "drop_global_stats",
        "drop_fields", "fold", "importer", "source", "bn_stat", "prove", "data", "force",
        "tolerance", "proto", "cudnn", "isolated",
    ]  # fmt: skip
    assert list(inspect.signature(protolint.upgrade).parameters) == [
        "path", "output", "in_place", "force", "target", "proto", "isolated",
    ]  # fmt: skip


def test_public_names_say_what_they_are() -> None:
    for name in NAMES - {"__version__", "DIALECTS"}:
        assert getattr(protolint, name).__doc__


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("protolint.Severity", {"click", "protolint.lint", "protolint.caffe", "numpy"}),
        ("protolint.ProtolintError", {"click", "protolint.source", "protolint.lint"}),
        ("protolint.check", {"click", "numpy", "json", "google.protobuf", "protolint.cli"}),
        ("protolint.load", {"click", "numpy", "json", "google.protobuf", "protolint.cli"}),
    ],
)
def test_a_name_imports_only_what_it_needs(statement: str, heavy: set[str]) -> None:
    program = f"import sys, protolint; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert "protolint" in done.stdout.split(), done.stderr
    assert set(done.stdout.split()) & heavy == set()


def run_command(*arguments: str | Path) -> dict[str, list[dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-m", "protolint", "check", "--output-format", "json",
         *map(str, arguments)],
        capture_output=True, timeout=120,
    )  # fmt: skip
    document: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("target", [None, "nvidia-0.15", ["bvlc", "nvidia"]])
def test_findings_are_those_of_the_command_line(
    fixtures: Path, target: str | list[str] | None
) -> None:
    names = [target] if isinstance(target, str) else target or []
    result = protolint.check(fixtures / "nets", target=target)
    expected = run_command(fixtures / "nets", *(f"--target={name}" for name in names))
    assert json.loads(result.render("json")) == expected
    assert [(d.code, d.path, *result.position(d)) for d in result] == [
        (d["code"], d["path"], d["line"], d["column"]) for d in expected["diagnostics"]
    ]


def test_one_file_gives_what_the_command_line_gives(fixtures: Path) -> None:
    for path in sorted((fixtures / "nets").glob("*.prototxt")):
        assert json.loads(protolint.check(path).render("json")) == run_command(path)
        assert list(protolint.check(str(path))) == list(protolint.check(path))


def test_a_result_is_a_sequence_of_findings() -> None:
    result = protolint.check(BN, target="nvidia-0.15", select="BN003")
    assert [d.code for d in result] == ["BN003"]
    assert len(result) == 1
    assert result[0] in result
    assert result[:1] == [result[0]]
    finding = result[0]
    assert isinstance(finding, protolint.Diagnostic)
    assert finding.severity is protolint.Severity.ERROR
    assert finding.layer == "bn"
    assert finding.fix is not None
    assert result.position(finding) == protolint.Position(2, 1)
    assert result.accepted
    assert str(result).startswith("<text>:2:1: error BN003 [*] bn: gamma has no scale_filler")
    assert repr(result) == "<CheckResult: Found 1 error in 1 file. 1 fixable with --fix.>"
    assert not protolint.check(BN, target="bvlc", select="BN003")


def test_text_bytes_and_paths_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "n\u00e4t {1}.prototxt"
    odd.write_text(BN, "utf-8")
    for given in (BN, BN.encode(), odd, str(Path("plain.prototxt"))):
        Path("plain.prototxt").write_text(BN, "utf-8")
        found = protolint.check(given, target="nvidia-0.15", select="BN003")
        assert [d.code for d in found] == ["BN003"]
    assert protolint.check("").reports[0].path == "<text>"
    assert protolint.check(BN, name="given.prototxt").reports[0].path == "given.prototxt"


def test_every_format_of_the_command_line_renders() -> None:
    result = protolint.check(BN, target="nvidia-0.15")
    for name in FORMATS:
        assert "BN003" in result.render(name)
    assert "\x1b[" in result.render(colour=True)
    assert "\x1b[" not in result.render()


def test_rules_are_selected_and_ignored() -> None:
    wrong = BN.replace('"bn"', '"bn" foo: 1').replace('bottom: "x"', 'bottom: "z"')
    assert {d.code for d in protolint.check(wrong, target="nvidia-0.15")} > {"PT002", "NT001"}
    for select in ("PT,NT001", ["PT", "unknown-bottom"], {"pt002", "nt001"}):
        found = {d.code for d in protolint.check(wrong, target="nvidia-0.15", select=select)}
        assert found == {"PT002", "NT001"}
    assert not protolint.check(wrong, ignore="ALL")


def test_weights_are_checked_as_on_the_command_line(fixtures: Path, tmp_path: Path) -> None:
    golden = fixtures / "golden" / "bvlc-master-9b89154"
    model, net = golden / "brook.caffemodel", golden / "brook.prototxt"
    alone = protolint.check(model)
    assert [(d.code, d.layer) for d in alone] == [("WT011", "norm_a"), ("WT011", "norm_b")]
    assert json.loads(alone.render("json")) == run_command(model)
    assert alone.reports[0].kind.value == "weights"
    both = protolint.check(net, weights=model, target="nvidia-0.15", select="WT004")
    assert {(d.path, d.layer) for d in both} == {(str(model), "norm_a"), (str(model), "norm_b")}
    expected = run_command(net, "--weights", model, "--target", "nvidia-0.15", "--select", "WT004")
    assert json.loads(both.render("json")) == expected
    text = net.read_text("utf-8")
    assert not protolint.check(text, weights=[model, str(model)], select="WT004")
    assert not protolint.check(model, thresholds={"few-batches": 3})
    with pytest.raises(protolint.UsageError, match="did you mean 'few-batches'"):
        protolint.check(model, thresholds={"few-batch": 3})
    with pytest.raises(protolint.UsageError, match="takes a number of 0 or more, not -1"):
        protolint.check(model, thresholds={"few-batches": -1})
    with pytest.raises(protolint.UsageError, match="has no lines"):
        alone.position(alone[0])
    with pytest.raises(protolint.UsageError, match="a folder was given"):
        protolint.check(tmp_path, weights=model)
    with pytest.raises(protolint.UsageError, match="is none"):
        protolint.check(model, weights=model)
    (tmp_path / "cut.caffemodel").write_bytes(model.read_bytes()[:1500])
    with pytest.raises(protolint.InputError, match=r"byte 1285 \(layer 5 'mix_b'\)"):
        protolint.check(tmp_path / "cut.caffemodel")


def test_configuration_holds_for_files_and_named_text(tmp_path: Path) -> None:
    (tmp_path / "protolint.toml").write_text(
        'target = "nvidia-0.15"\nignore = ["BN", "NT"]\nexclude = ["old"]\n', "utf-8"
    )
    net = tmp_path / "net.prototxt"
    net.write_text(BN, "utf-8")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "net.prototxt").write_text(BN, "utf-8")
    assert [r.path for r in protolint.check(tmp_path).reports] == [str(net)]
    assert not protolint.check(net)
    assert not protolint.check(BN, name=str(net))
    assert protolint.check(net, select="BN003")
    assert protolint.check(net, isolated=True).reports[0].target.dialect.name == "bvlc"
    assert protolint.check(BN).reports[0].target.dialect.name == "bvlc"
    assert protolint.load(net).dialect.name == "nvidia-0.15"
    assert protolint.load(BN).dialect.name == "bvlc"


def test_the_build_of_a_caffe_is_told() -> None:
    in_place = BN.replace('"y"', '"x"')
    assert protolint.check(in_place, target="nvidia-0.15", select="BN001")
    assert not protolint.check(in_place, target="nvidia-0.15", select="BN001", cudnn=False)
    (found,) = protolint.check(BN, target="nvidia-0.15", select="BN003", fine_tune=True)
    assert found.severity is protolint.Severity.INFO


def test_a_forks_own_schema_is_used(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="compiling a .proto needs grpcio-tools")
    shipped = Path(__file__).resolve().parent.parent / "proto" / "bvlc.proto"
    schema = tmp_path / "fork.proto"
    schema.write_text(
        shipped.read_text("utf-8").replace(
            "message BatchNormParameter {",
            "message BatchNormParameter {\n  optional bool mine = 99;",
        ),
        "utf-8",
    )
    text = BN.replace("  top:", "  batch_norm_param { mine: true }\n  top:")
    assert protolint.check(text, select="PT")
    assert not protolint.check(text, select="PT", proto=schema)
    (batchnorm,) = protolint.load(text, proto=schema).batchnorms
    parameter = batchnorm.parameter("batch_norm_param")
    assert parameter is not None
    assert parameter.flag("mine")


def test_a_net_is_read_as_its_caffe_builds_it(fixtures: Path) -> None:
    net = protolint.load(fixtures / "nets" / "digits_all_in_one.prototxt")
    assert isinstance(net, protolint.Net)
    assert net.dialect is protolint.DIALECTS["nvidia-0.15"]
    assert [str(state) for state in net.states] == ["TRAIN (train)", "TEST (val)", "TEST (deploy)"]
    first = net.batchnorms[0]
    assert isinstance(first, protolint.Layer)
    assert first.name == "bn1"
    assert net.traits(first).blobs == ("gamma", "beta", "mean", "variance", "reserved")
    view = net.views[0]
    assert isinstance(view, protolint.View)
    assert [layer.type for layer in view.readers(first)] == ["ReLU"]
    target = protolint.DIALECTS["nvidia-0.17"]
    assert protolint.load(fixtures / "nets" / "legacy_v1.prototxt", target=target).layers


def test_the_target_of_a_net_is_found_as_in_check(fixtures: Path) -> None:
    for path in sorted((fixtures / "nets").glob("*.prototxt")):
        if "solver" not in path.name:
            (report,) = protolint.check(path).reports
            assert protolint.load(path).dialect is report.target.dialect
    assert protolint.load(f"# protolint: target=nvidia-0.16\n{BN}").dialect.name == "nvidia-0.16"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: protolint.check("no.prototxt"), protolint.InputError, "no.prototxt: no such file"),
        (lambda: protolint.load("no.prototxt"), protolint.InputError, "no.prototxt: cannot be re"),
        (lambda: protolint.check(BN, target="caffe2"), protolint.UsageError, "unknown target 'caf"),
        (lambda: protolint.load(BN, target="bvcl"), protolint.UsageError, "did you mean 'bvlc'?"),
        (lambda: protolint.check(BN, select="BN01"), protolint.UsageError, "did you mean 'BN001'"),
        (lambda: protolint.check(ANY), protolint.UsageError, "a path or the text of a net is want"),
        (lambda: protolint.check("a", name="b"), protolint.UsageError, "'name' is for text, and a"),
        (lambda: protolint.check(BN).render("yaml"), protolint.UsageError, "no format 'yaml'"),
        (lambda: protolint.load("layer {\n"), protolint.InputError, "<text>: line 2, column 1: "),
        (lambda: protolint.load("base_lr: 1\n"), protolint.InputError, "a solver, not a net"),
        (lambda: protolint.load("item { id: 1 }"), protolint.InputError, "no field of a net"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as raised:
        call()
    assert message in str(raised.value)
    assert isinstance(raised.value, protolint.ProtolintError)


def test_an_unreadable_file_does_not_stop_a_folder(fixtures: Path, tmp_path: Path) -> None:
    (tmp_path / "a.prototxt").write_bytes(b"\0\1\2")
    (tmp_path / "b.prototxt").write_text(BN, "utf-8")
    result = protolint.check(tmp_path, target="nvidia-0.15", select="BN003")
    assert [d.code for d in result] == ["BN003"]
    assert [error.path for error in result.unreadable] == [os.path.join(tmp_path, "a.prototxt")]
    with pytest.raises(protolint.InputError, match="a binary file, perhaps a caffemodel"):
        protolint.check(tmp_path / "a.prototxt")


def convert_command(*arguments: str | Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "protolint", "convert", "--report", "json", *map(str, arguments)],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_conversion_is_that_of_the_command_line(fixtures: Path, tmp_path: Path) -> None:
    source = fixtures / "golden" / "bvlc-master-9b89154"
    files = (source / "brook.prototxt", source / "brook.caffemodel")
    report = protolint.convert(*files, to="nvidia-0.17", output=f"{tmp_path}/api/")
    assert isinstance(report, protolint.ConversionReport)
    shown = convert_command(*files, "--to", "nvidia-0.17", "-o", f"{tmp_path}/command/")
    for result, row in zip(report.files, shown["files"], strict=True):
        assert result.notes or result.layers
        assert result.summary == row["summary"]
        assert [layer.name for layer in result.layers] == [layer["name"] for layer in row["layers"]]
        assert all(layer.difference is not None for layer in result.layers)
        assert Path(result.output).read_bytes() == Path(row["output"]).read_bytes()
    planned = protolint.convert(*files, to="nvidia-0.17", output=f"{tmp_path}/no/", dry_run=True)
    assert planned.dry_run
    assert not (tmp_path / "no").exists()
    assert [
        [layer._replace(difference=None, absolute=None) for layer in r.layers] for r in report.files
    ] == [list(r.layers) for r in planned.files]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "nvidia-17"}, "unknown target 'nvidia-17'; did you mean 'nvidia-0.17'?; known: "),
        ({"to": "bvlc", "engine": "cuda"}, "unknown engine 'cuda'"),
        ({"to": "bvlc", "source": "intell"}, "unknown writer 'intell'; did you mean 'intel'?"),
        ({"to": "bvlc", "bn_stat": "std"}, "unknown statistic 'std'"),
        ({"to": "bvlc", "verify_with": ["open"]}, "unknown program to verify with 'open'"),
        ({"to": "bvlc"}, "no file is given"),
    ],
)
def test_a_conversion_says_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(protolint.UsageError) as raised:
        protolint.convert(**arguments)
    assert message in str(raised.value)


def test_a_name_for_scale_layers_needs_the_batchnorms() -> None:
    with pytest.raises(protolint.UsageError, match="has to have the BatchNorm's in it"):
        protolint.convert("net.prototxt", to="bvlc", scale_name="scale")


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert protolint.__version__ == version("protolint-caffe")


def test_a_deployment_is_that_of_the_command_line(fixtures: Path, tmp_path: Path) -> None:
    pair = [
        fixtures / "golden" / "nvcaffe-0.17.4" / f"brook.{kind}"
        for kind in ("prototxt", "caffemodel")
    ]
    done = protolint.deploy(*pair, output=tmp_path / "a", fold=True, isolated=True, importer="mnn")
    assert (done.state, done.to, done.limits) == ("TEST", "bvlc", ())
    assert done.remarks[0] == "folded 2 layers into 2"
    assert run("deploy", "--isolated", "--fold", *pair, "-o", f"{tmp_path}/b/").returncode == 0
    for path in done.written:
        assert Path(path).read_bytes() == (tmp_path / "b" / Path(path).name).read_bytes()
    blobs = protolint.run(*done.written, target="bvlc")
    shown = protolint.deploy(
        pair[0], output=tmp_path / "c", input_shapes={"pix": (1, *blobs["pix"].shape[1:])}
    )
    assert next(layer for layer in shown.net.layers if layer.type == "Input").tops[0].name == "pix"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"importer": "onnx"}, "no importer 'onnx' is known; known: opencv, mnn"),
        ({"prove": "never"}, "prove is one of auto, run, none, not 'never'"),
        ({"target": "nvidia-15"}, "unknown target 'nvidia-15'; did you mean 'nvidia-0.15'"),
    ],
)
def test_a_deployment_says_what_is_wrong(
    arguments: dict[str, Any], message: str, fixtures: Path, tmp_path: Path
) -> None:
    net = fixtures / "nets" / "bvlc_deploy.prototxt"
    with pytest.raises(UsageError, match=re.escape(message)):
        protolint.deploy(net, output=tmp_path, **arguments)
    with pytest.raises(UsageError, match="deploy takes a net, its weights, or both"):
        protolint.deploy(net, net, output=tmp_path)


def test_an_upgrade_is_that_of_the_command_line(fixtures: Path, tmp_path: Path) -> None:
    net = fixtures / "nets" / "legacy_v1.prototxt"
    found = protolint.upgrade(net, isolated=True)
    assert found.changed
    assert found.data is not None
    assert found.data.decode() == run("upgrade", "--isolated", net).stdout
    copy = tmp_path / "net.prototxt"
    again = protolint.upgrade(net, output=copy)
    assert copy.read_bytes() == again.data
    assert not protolint.upgrade(copy, in_place=True).changed
    with pytest.raises(UsageError, match="exists"):
        protolint.upgrade(net, output=copy)
    with pytest.raises(UsageError, match="exclude each other"):
        protolint.upgrade(net, output=copy, in_place=True)
    with pytest.raises(InputError, match="neither a net nor a solver"):
        protolint.upgrade(write(tmp_path, "labels.prototxt", "zzz: 1\n"))
