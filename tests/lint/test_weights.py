"""Weights as a target reads them: which target, one finding for a cause, nothing on sound files."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import pytest

from protolint.batchnorm.in_net import layers_in_net
from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.float32 import single
from protolint.lint.check_weights import GivenNet, check_weights, one_for_each_cause
from protolint.lint.file_report import FileReport
from protolint.lint.registry import all_rules, find_rule
from protolint.lint.rule import Finding
from protolint.source import BinarySource, Source, Span
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import Readings
from protolint.workspace.relatives import Project
from protolint.workspace.settings import RuleNames, Settings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Choices, Workspace
from tests.golden import DIALECT_OF, OWN, ROOTS

#: The golden builds had no cuDNN.
BUILD = Build(cudnn=False)


def golden() -> list[object]:
    """Each golden model once, those beside the checkout where they are there."""
    found = {}
    for root in ROOTS:
        for path in sorted(root.rglob("*.caffemodel*")):
            found[str(path.relative_to(root))] = path
    return [pytest.param(path, id=name) for name, path in found.items()]


def net_of(path: Path) -> Path:
    base = path.name.partition(".caffemodel")[0]
    names = (base, base.replace("_oldblobs", ""), base.replace("_iter_6", "") + ".deploy")
    return next(p for p in (path.with_name(f"{name}.prototxt") for name in names) if p.is_file())


def dialect_name(path: Path) -> str:
    return next(name for folder, name in DIALECT_OF.items() if folder in path.parts)


def codes(report: FileReport) -> list[tuple[str, str | None]]:
    return [(d.code, d.layer) for d in report.diagnostics]


def given(text: str | bytes, target: str, build: Build = BUILD) -> GivenNet:
    data = text.encode() if isinstance(text, str) else text
    readings = Readings.of(Source("net.prototxt", data), build)
    return GivenNet(readings, [Target(DIALECTS[target], "as asked")])


@pytest.mark.parametrize("path", golden())
def test_what_a_framework_wrote_is_sound_for_it(path: Path) -> None:
    """Nothing but the age of statistics that were really young, and of those never collected."""
    name = dialect_name(path)
    pytest.importorskip("h5py") if path.suffix == ".h5" else None
    (alone,) = check_weights(Workspace(Choices(targets=(DIALECTS[name],))), str(path))
    net = given(net_of(path).read_bytes(), name)
    (beside,) = check_weights(Workspace(), str(path), given=net)
    assert sorted(codes(beside)) == sorted(codes(alone))
    found = {d.code for d in alone.diagnostics}
    if path.name.startswith("unset"):
        assert found == {"WT003" if name in ("bvlc", "nvidia-0.14") else "WT011"}
        return
    assert found <= {"WT011"}
    meta = path.with_name(f"{path.name.partition('.caffemodel')[0]}.meta.json")
    passes = json.loads(meta.read_text("utf-8")).get("train_passes") if meta.is_file() else None
    for finding in alone.diagnostics:
        assert finding.severity is Severity.WARNING
        if passes is not None:
            assert f"cover about {passes} batches" in finding.message


@pytest.mark.parametrize(
    ("path", "target", "reason"),
    [
        ("bvlc-master-9b89154/brook.caffemodel", "bvlc", "nothing in the file points to another"),
        ("nvcaffe-0.15.14/brook.caffemodel", "nvidia-0.15", "from the blobs of 'norm_a'"),
        (
            "nvcaffe-0.17.4/brook.caffemodel",
            "nvidia-0.17",
            "as layer 'pix' has fields such as forward_type",
        ),
    ],
)
def test_the_writer_is_told_from_the_file(path: str, target: str, reason: str) -> None:
    (report,) = check_weights(Workspace(), str(OWN / path))
    assert report.target.dialect.name == target
    assert report.target.reason.startswith(reason)
    assert report.kind is FileKind.MODEL
    assert report.accepted


def test_the_target_asked_for_wins_over_the_net_and_that_over_the_configuration() -> None:
    path = str(OWN / "bvlc-master-9b89154" / "brook.caffemodel")
    asked = (DIALECTS["nvidia-0.16"], DIALECTS["bvlc"])
    settings = Settings(path="protolint.toml", targets=(DIALECTS["nvidia-0.15"],))
    net = given('layer { name: "r" type: "ReLU" bottom: "x" top: "y" }', "nvidia-0.17")
    names = [
        r.target.dialect.name
        for r in check_weights(Workspace(Choices(targets=asked)), path, given=net)
    ]
    assert names == ["nvidia-0.16", "bvlc"]
    (of_net,) = check_weights(Workspace(settings=settings), path, given=net)
    assert of_net.target.dialect.name == "nvidia-0.17"
    (configured,) = check_weights(Workspace(settings=settings), path)
    assert configured.target == Target(DIALECTS["nvidia-0.15"], "as protolint.toml says")


def test_no_value_of_the_file_is_kept() -> None:
    path = OWN / "nvcaffe-0.17.4" / "brook.caffemodel"
    (report,) = check_weights(Workspace(), str(path))
    assert isinstance(report.source, BinarySource)
    assert report.source.data == b""
    assert report.source.size == path.stat().st_size


def test_configuration_chooses_rules_and_severities() -> None:
    path = str(OWN / "bvlc-master-9b89154" / "brook.caffemodel")
    young = {"*.caffemodel": RuleNames(("WT011",))}
    ignored = Settings(path="protolint.toml", per_file_ignores=young)
    assert codes(check_weights(Workspace(settings=ignored), path)[0]) == []
    other = Settings(select=RuleNames(("WT001",)))
    assert codes(check_weights(Workspace(settings=other), path)[0]) == []
    worse = Settings(severity=((RuleNames(("WT011",)), Severity.ERROR),))
    assert {d.severity for d in check_weights(Workspace(settings=worse), path)[0].diagnostics} == {
        Severity.ERROR
    }
    few = Settings(thresholds=MappingProxyType({"few-batches": 5.0}))
    assert codes(check_weights(Workspace(settings=few), path)[0]) == []


def test_blobs_of_the_other_engine_are_told_with_the_switch() -> None:
    path = OWN / "nvcaffe-0.15.14" / "brook.caffemodel"
    net = given(net_of(path).read_bytes(), "nvidia-0.15", Build())
    (report,) = check_weights(Workspace(), str(path), given=net)
    assert [d.code for d in report.diagnostics] == ["WT005", "WT005"]
    assert all("--without-cudnn" in d.message for d in report.diagnostics)


def test_one_cause_is_one_finding() -> None:
    def found(*given: tuple[str, str | None]) -> list[tuple[str, str | None]]:
        pairs = [(find_rule(code), Finding(Span(0, 0), "", layer=layer)) for code, layer in given]
        return [(rule.code, finding.layer) for rule, finding in one_for_each_cause(pairs)]

    whole = [(code, None) for code in ("WT015", "WT016", "WT017", "WT020")]
    assert found(("WT001", "a"), *whole) == [("WT016", None)]
    assert found(("WT001", "a"), ("WT013", "b"), ("WT015", None)) == [("WT015", None)]
    # An error explains what follows from it in its own layer.
    assert found(("WT003", "a"), ("WT007", "a"), ("WT008", "a"), ("WT011", "a")) == [("WT003", "a")]
    assert found(("WT003", "a"), ("WT007", "b")) == [("WT003", "a"), ("WT007", "b")]
    assert found(("WT011", "a"), ("WT007", "a"), ("WT008", "a")) == [("WT011", "a")]
    assert found(("WT004", "a"), ("WT021", "a"), ("WT005", "b")) == [("WT004", "a"), ("WT005", "b")]
    kept = [("WT001", "a"), ("WT004", "a"), ("WT010", "a")]
    values = [(f"WT0{n}", "a") for n in ("02", "03", "06", "07", "08", "09", "11", "14")]
    assert found(*kept, *values) == kept
    # What is only advice explains nothing.
    advice = [
        (find_rule("WT003"), Finding(Span(0, 0), "", layer="a", severity=Severity.INFO)),
        (find_rule("WT007"), Finding(Span(0, 0), "", layer="a")),
    ]
    assert one_for_each_cause(advice) == advice


def test_a_net_tells_the_scale_and_the_eps_of_its_batchnorms() -> None:
    text = """
    layer { name: "d" type: "Input" top: "x" input_param { shape { dim: [1, 2, 4, 4] } } }
    layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { eps: 1e-9 } }
    layer { name: "sc" type: "Scale" bottom: "y" top: "z" }
    layer { name: "bn2" type: "BatchNorm" bottom: "z" top: "z2" }
    layer { name: "sc2" type: "Scale" bottom: "z2" top: "z3" }
    layer { name: "r" type: "ReLU" bottom: "z2" top: "z4" }
    """
    for target, eps in (("bvlc", 1e-9), ("nvidia-0.17", 1e-5)):
        net = given(text, target).net(DIALECTS[target])
        assert net is not None
        in_net = layers_in_net(net)
        assert {name: layer.type for name, layer in in_net.items()} == {
            "d": "Input", "bn": "BatchNorm", "sc": "Scale", "bn2": "BatchNorm", "sc2": "Scale",
            "r": "ReLU",
        }  # fmt: skip
        assert (in_net["bn"].scale, in_net["bn"].norm.eps) == ("sc", single(eps))
        assert (in_net["bn2"].scale, in_net["bn2"].norm.eps) == (None, single(1e-5))


def test_weights_are_checked_with_the_net_that_a_solver_trains(tmp_path: Path) -> None:
    golden = OWN / "nvcaffe-0.15.14"
    net = (golden / "brook.prototxt").read_text("utf-8")
    trained = net.replace('type: "Input"', 'type: "Data"').replace("input_param", "#")
    (tmp_path / "train.prototxt").write_text(trained, "utf-8")
    solver = tmp_path / "solver.prototxt"
    solver.write_text('net: "train.prototxt"\nbase_lr: 0.1\n', "utf-8")
    source = Source(str(solver), solver.read_bytes())
    readings = Readings.of(source, BUILD, Project([str(solver)]))
    target = Target(DIALECTS["nvidia-0.17"], "as asked")
    company = GivenNet(readings, [target])
    assert company.is_solver
    (report,) = check_weights(Workspace(), str(golden / "brook.caffemodel"), given=company)
    assert codes(report) == [("WT018", "norm_a"), ("WT018", "norm_b")]
    broken = given("layer {", "nvidia-0.17")
    assert broken.net(target.dialect) is None
    (alone,) = check_weights(Workspace(), str(golden / "brook.caffemodel"), given=broken)
    assert codes(alone) == []


def test_every_rule_is_known_without_being_imported() -> None:
    assert find_rule("wt007").name == "near-zero-variance"
    assert find_rule("snapshot-drift").code == "WT012"
    found = [rule.code for rule in all_rules() if rule.code.startswith("WT")]
    assert found == [f"WT{number:03}" for number in range(1, 23)]


@pytest.mark.parametrize(
    "sizes", [(2,), (2, 2), (2, 2, 2, 2), (2, 2, 1, 2, 3), (0, 0, 0), (1,) * 5]
)
def test_hdf5_blobs_that_are_no_batchnorm_are_only_miscounted(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "model.caffemodel.h5"
    with h5py.File(path, "w") as file:
        for number, size in enumerate(sizes):
            file[f"data/bn/{number}"] = [1.0] * size
    text = """
    layer { name: "d" type: "Input" top: "x" input_param { shape { dim: [1, 2, 4, 4] } } }
    layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
    """
    for target in DIALECTS:
        (report,) = check_weights(Workspace(), str(path), given=given(text, target))
        assert report.diagnostics
        assert {d.code for d in report.diagnostics} <= {"WT004", "WT005", "WT010", "WT019"}
