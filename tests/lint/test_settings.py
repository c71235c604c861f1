"""Configuration: which rules run on which files, how bad they are, what is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protolint.cli.settings import show
from protolint.diagnostic import Severity
from protolint.errors import ConfigError, UsageError
from protolint.lint.check_text import check_source
from protolint.lint.registry import all_rules
from protolint.lint.select import codes_of, selection_of
from protolint.source import Source
from protolint.workspace.config import ConfigFinder
from protolint.workspace.config_keys import load_settings
from protolint.workspace.settings import Settings
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Workspace

BAD = b'layer { name: "a" type: "Nope" mine: 1 }\n'


def codes(settings: Settings, path: str = "x") -> list[str]:
    (report,) = check_source(Workspace(settings=settings), Source(path, BAD))
    return [d.code for d in report.diagnostics]


def load(folder: Path, **table: object) -> Settings:
    return load_settings(
        str(folder / "protolint.toml"), {k.replace("_", "-"): v for k, v in table.items()}
    )


def test_names_mean_rules() -> None:
    every = {rule.code for rule in all_rules()}
    assert codes_of(["ALL"]) == every
    assert codes_of(["bn001", "unknown-field"]) == {"BN001", "PT002"}
    assert codes_of(["SV"]) == {code for code in every if code.startswith("SV")}
    with pytest.raises(UsageError, match="there is no rule 'BN01'; did you mean 'BN001'"):
        codes_of(["BN01"])


def test_select_and_ignore(tmp_path: Path) -> None:
    assert codes(Settings()) == ["PT005", "PT002"]
    assert codes(load(tmp_path, select=["PT002"])) == ["PT002"]
    assert codes(load(tmp_path, ignore="PT")) == []
    assert codes(load(tmp_path, select=["PT"], ignore=["PT002"])) == ["PT005"]


def test_per_file_ignores_follow_patterns(tmp_path: Path) -> None:
    settings = load(tmp_path, per_file_ignores={"old/**": ["PT002"], "*.bak.prototxt": "ALL"})
    assert codes(settings, str(tmp_path / "new" / "a.prototxt")) == ["PT005", "PT002"]
    assert codes(settings, str(tmp_path / "old" / "b" / "a.prototxt")) == ["PT005"]
    assert codes(settings, str(tmp_path / "new" / "a.bak.prototxt")) == []


def test_per_file_targets(tmp_path: Path) -> None:
    settings = load(tmp_path, target="bvlc", per_file_targets={"nv": "nvidia-0.15"})
    (report,) = check_source(
        Workspace(settings=settings), Source(str(tmp_path / "nv" / "a.prototxt"), b"")
    )
    assert report.target.dialect.name == "nvidia-0.15"
    (report,) = check_source(
        Workspace(settings=settings), Source(str(tmp_path / "a.prototxt"), b"")
    )
    assert report.target.dialect.name == "bvlc"


def test_severities_are_overridden(tmp_path: Path) -> None:
    settings = load(tmp_path, severity={"PT005": "info"}, fail_level="warning")
    (report,) = check_source(Workspace(settings=settings), Source("x", BAD))
    assert [d.severity for d in report.diagnostics] == [Severity.INFO, Severity.ERROR]
    assert settings.fail_level is Severity.WARNING


@pytest.mark.parametrize("field", ["mine", "LayerParameter.mine"])
def test_fields_of_a_fork_are_taken(tmp_path: Path, field: str) -> None:
    settings = load(tmp_path, extra_fields=[field], layer_types=["Nope"])
    (report,) = check_source(Workspace(settings=settings), Source("x", BAD))
    assert report.diagnostics == ()
    assert report.accepted


def test_excluded_paths(tmp_path: Path) -> None:
    settings = load(tmp_path, exclude=["third_party/", "*_gen.prototxt"])
    assert settings.excludes(str(tmp_path / "third_party" / "a" / "b.prototxt"))
    assert settings.excludes(str(tmp_path / "x" / "net_gen.prototxt"))
    assert not settings.excludes(str(tmp_path / "x" / "net.prototxt"))


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def test_extend_starts_from_another_file(tmp_path: Path) -> None:
    write(tmp_path, "base.toml", 'ignore = ["BN001"]\ntarget = "bvlc"\n')
    write(tmp_path, "protolint.toml", 'extend = "base.toml"\ntarget = "nvidia-0.15"\n')
    settings = ConfigFinder().settings_for(str(tmp_path))
    assert settings.ignore == (("BN001",), str(tmp_path / "base.toml"), "ignore")
    assert [dialect.name for dialect in settings.targets] == ["nvidia-0.15"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"protolint.toml": 'extend = "b.toml"', "b.toml": 'extend = "protolint.toml"'}, "circle"),
        ({"protolint.toml": 'extend = "protolint.toml"'}, "goes round in a circle"),
        ({"protolint.toml": 'extend = "none.toml"'}, "which is not there"),
        ({"protolint.toml": 'select = ["BN01"]'}, "'select': there is no rule 'BN01'; did you"),
        ({"protolint.toml": 'severity = "info"'}, "'severity' takes a table"),
        ({"protolint.toml": '[severity]\nBN001 = "bad"'}, "'severity.BN001' takes one of error"),
        ({"protolint.toml": "exclude = 3"}, "'exclude' takes a string or a list"),
        ({"protolint.toml": "selct = []"}, "unknown key 'selct'; did you mean 'select'?"),
    ],
)
def test_wrong_configurations_are_told(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    with pytest.raises(ConfigError, match=r"(protolint|b)\.toml(:\d+)?: ") as raised:
        selection_of(Workspace(), str(tmp_path / "x"))
    assert message in str(raised.value)


def test_thresholds_are_read_and_checked(tmp_path: Path) -> None:
    settings = load(tmp_path, thresholds={"few-batches": 20, "zero-gamma-share": 0.9})
    assert dict(settings.thresholds) == {"few-batches": 20.0, "zero-gamma-share": 0.9}
    chosen = Thresholds.of(settings.thresholds)
    assert (chosen.few_batches, chosen.zero_gamma_share) == (20.0, 0.9)
    assert chosen.near_zero_variance == 1e-10
    shown = show(Workspace(settings=settings), "x")
    assert '"few-batches" = 20.0' in shown
    assert '"exploding-gain" = 100.0' in shown


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"few-batch": 3}, "unknown key 'thresholds.few-batch'; did you mean 'few-batches'"),
        ({"gain": 3}, "unknown key 'thresholds.gain'; known: near-zero-variance, exploding-gain"),
        ({"few-batches": "3"}, "'thresholds.few-batches' takes a number of 0 or more, not '3'"),
        ({"few-batches": True}, "takes a number of 0 or more, not True"),
        ({"exploding-gain": -1}, "takes a number of 0 or more, not -1"),
        ({"exploding-gain": float("nan")}, "takes a number of 0 or more, not nan"),
        ({"drift-median": 0.5}, "'thresholds.drift-median' takes a number of 1 or more, not 0.5"),
        ({"zero-gamma-share": 1.5}, "'thresholds.zero-gamma-share' takes a number from 0 to 1"),
        (3, "'thresholds' takes a table, not 3"),
    ],
)
def test_wrong_thresholds_are_told(tmp_path: Path, table: object, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(tmp_path, thresholds=table)
