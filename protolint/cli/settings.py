"""Showing the settings that hold for a file, as TOML that could be pasted into one."""

from __future__ import annotations

from collections.abc import Mapping

from protolint.lint.registry import known_rules
from protolint.lint.select import selection_of
from protolint.shown import json_text, shown
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Workspace

__all__ = ["show"]


def show(workspace: Workspace, path: str) -> str:
    """Return the settings of a file as a protolint.toml; where it comes from is a comment."""
    settings, selection = workspace.settings(path), selection_of(workspace, path)
    select = selection.select
    active = [
        rule.code
        for rule in known_rules()
        if (select is None or rule.code in select) and rule.code not in selection.ignore
    ]
    values: dict[str, object] = {
        "target": [dialect.name for dialect in settings.targets] or "auto",
        "cudnn": settings.cudnn,
        "layer-types": sorted(settings.layer_types),
        "extra-fields": sorted(settings.extra_fields),
        "proto": settings.proto,
        "fine-tunes": settings.fine_tunes,
        "select": active,
        "exclude": list(settings.exclude),
        "force-exclude": settings.force_exclude,
        "baseline": settings.baseline,
        "fail-level": settings.fail_level.value,
    }
    tables: dict[str, Mapping[str, object]] = {
        "per-file-ignores": {p: sorted(c) for p, c in selection.per_file_ignores.items()},
        "per-file-targets": {
            pattern: [dialect.name for dialect in targets]
            for pattern, targets in settings.per_file_targets.items()
        },
        "severity": {code: level.value for code, level in selection.severity.items()},
        "thresholds": Thresholds.of(settings.thresholds).by_key(),
    }
    lines = [f"# read from {shown(settings.path)}" if settings.path else "# no configuration file"]
    # TOML has no null: what is not set is not there.
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]", *(f"{json_text(k)} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Return a value as TOML spells it; of strings, numbers, flags and lists JSON does."""
    return json_text(value, None)
