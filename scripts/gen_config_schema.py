"""Write ``docs/protolint.schema.json``: what protolint.toml may say, for editors that complete it.

The meaning of each key is that of ``docs/configuration.md``.

    python scripts/gen_config_schema.py            write the schema
    python scripts/gen_config_schema.py --check    change nothing; exit 1 if it is out of date
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from generated import write_or_check

from protolint.caffe.registry import AUTO, DIALECTS
from protolint.diagnostic import Severity
from protolint.lint.registry import all_rules
from protolint.report.pages import HOME
from protolint.workspace.config_keys import keys
from protolint.workspace.thresholds import THRESHOLDS, wanted_instead

REPO_ROOT = Path(__file__).resolve().parent.parent
GUIDE = REPO_ROOT / "docs" / "configuration.md"
SCHEMA = REPO_ROOT / "docs" / "protolint.schema.json"

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}


def _one_or_more(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _table(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": item}


def _threshold(name: str) -> dict[str, Any]:
    """Return the numbers that a threshold takes, with its default."""
    found: dict[str, Any] = {"type": "number", "default": THRESHOLDS[name]}
    found["minimum"] = 0 if wanted_instead(name, 0) is None else 1
    if wanted_instead(name, 2) is not None:
        found["maximum"] = 1
    return found


def kinds() -> dict[str, dict[str, Any]]:
    """Return the schema of each key's value."""
    target = _one_or_more({"enum": [*DIALECTS, "nvidia", AUTO]})
    rule = {"$ref": "#/definitions/rule"}
    return {
        "extend": _TEXT,
        "target": target,
        "per-file-targets": _table(target),
        "cudnn": {**_FLAG, "default": True},
        "fine-tunes": {**_FLAG, "default": False},
        "layer-types": _one_or_more(_TEXT),
        "extra-fields": _one_or_more(_TEXT),
        "proto": _TEXT,
        "select": _one_or_more(rule),
        "ignore": _one_or_more(rule),
        "per-file-ignores": _table(_one_or_more(rule)),
        "severity": _table({"enum": [level.value for level in Severity]}),
        "exclude": _one_or_more(_TEXT),
        "force-exclude": {**_FLAG, "default": False},
        "baseline": _TEXT,
        "fail-level": {"enum": [level.value for level in Severity], "default": "warning"},
        "thresholds": {
            "type": "object",
            "properties": {name: _threshold(name) for name in THRESHOLDS},
            "additionalProperties": False,
        },
    }


def _rules() -> dict[str, Any]:
    """Return what names rules; a plug-in has some that are not known here."""
    codes = [name for rule in all_rules() for name in (rule.code, rule.name)]
    families = {rule.code.rstrip("0123456789") for rule in all_rules()}
    return {"anyOf": [{"enum": ["ALL", *sorted(families), *codes]}, _TEXT]}


def schema() -> dict[str, Any]:
    """Return the whole schema, each key with its meaning."""
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]* \| (.*) \|$", GUIDE.read_text("utf-8"), re.M)
    meanings = dict(rows)
    known = kinds()
    assert known.keys() == {*keys(), "extend"}, sorted(known.keys() ^ set(keys()))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"{HOME}/raw/main/docs/protolint.schema.json",
        "title": "Configuration of protolint (protolint.toml, [tool.protolint] in pyproject.toml)",
        "type": "object",
        "definitions": {"rule": _rules()},
        "additionalProperties": False,
        "properties": {
            key: {"description": re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", meanings[key]), **kind}
            for key, kind in known.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the schema and return the exit code."""
    files = {SCHEMA: json.dumps(schema(), indent=2) + "\n"}
    return write_or_check("gen_config_schema.py", __doc__, files, arguments)


if __name__ == "__main__":
    sys.exit(main())
