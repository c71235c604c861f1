"""The schema of protolint.toml accepts what protolint does, and refuses what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from protolint.errors import ConfigError
from protolint.workspace.config_keys import keys, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "docs" / "protolint.schema.json").read_text("utf-8"))
GUIDE = (REPOSITORY / "docs" / "configuration.md").read_text("utf-8")

VALUES: list[object] = [
    True, 0, -1, 0.5, 3, "", "x", "bvlc", "auto", "nvidia", "error", "off", "BN003", [], ["bvlc"],
    ["bvlc", 1], ["BN", "ALL"], {}, {"a/*": "bvlc"}, {"a/*": ["BN003"]}, {"BN003": "info"},
    {"BN003": "off"}, {"near-zero-variance": 1e-9}, {"near-zero-variance": -1},
    {"zero-gamma-share": 1.5}, {"drift-median": 0.5}, {"few-batches": True}, {"few": 1},
]  # fmt: skip

#: What a schema does not say: that a list may not be empty or mixed, and which files exist.
BEYOND = [("extend", "x"), ("extend", ""), ("target", []), ("select", []), ("select", "")]


def is_valid(document: dict[str, Any]) -> bool:
    validator = import_module("jsonschema").Draft7Validator(SCHEMA)
    return bool(validator.is_valid(document))


def is_accepted(document: dict[str, Any], folder: Path) -> bool:
    try:
        load_settings(str(folder / "protolint.toml"), document)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("key", [*keys()])
def test_both_judge_every_kind_of_value_alike(key: str, tmp_path: Path) -> None:
    for value in VALUES:
        if (key, value) in BEYOND or (key.endswith("extend") and isinstance(value, str)):
            continue
        document: dict[str, Any] = {key: value}
        assert is_valid(document) == is_accepted(document, tmp_path), document


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    unknown: list[dict[str, Any]] = [{"targets": "x"}, {"thresholds": {"near": 1}}, {"tool": {}}]
    for document in unknown:
        assert not is_valid(document)
        assert not is_accepted(document, tmp_path)


def test_what_the_guide_shows_is_valid() -> None:
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    shown = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 3
    for text in shown:
        document = tomllib.loads(text)
        assert is_valid(document.get("tool", {}).get("protolint", document)), text


def test_the_schema_is_up_to_date_and_explains_every_key() -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / "gen_config_schema.py"), "--check"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert all(entry["description"] for entry in SCHEMA["properties"].values())
