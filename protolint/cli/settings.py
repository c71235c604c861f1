"""Showing the settings that hold for a file."""

from __future__ import annotations

from protolint.lint.registry import known_rules
from protolint.lint.select import selection_of
from protolint.shown import shown
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Workspace

__all__ = ["show"]


def show(workspace: Workspace, path: str) -> str:
    """Return a line for each setting of a file, as the configuration would spell it."""
    settings, selection = workspace.settings(path), selection_of(workspace, path)
    select = selection.select
    active = [
        rule.code
        for rule in known_rules()
        if (select is None or rule.code in select) and rule.code not in selection.ignore
    ]
    values = {
        "read from": settings.path or "(no configuration)",
        "target": [dialect.name for dialect in settings.targets] or "inferred from each file",
        "cudnn": settings.cudnn,
        "layer-types": sorted(settings.layer_types),
        "extra-fields": sorted(settings.extra_fields),
        "proto": settings.proto or "that of the target",
        "fine-tunes": settings.fine_tunes,
        "rules": " ".join(active),
        "per-file-ignores": {p: sorted(c) for p, c in selection.per_file_ignores.items()},
        "per-file-targets": {
            pattern: [dialect.name for dialect in targets]
            for pattern, targets in settings.per_file_targets.items()
        },
        "severity": {code: level.value for code, level in selection.severity.items()},
        "exclude": list(settings.exclude),
        "force-exclude": settings.force_exclude,
        "baseline": settings.baseline or "none",
        "fail-level": settings.fail_level.value,
        "thresholds": Thresholds.of(settings.thresholds).by_key(),
    }
    return "".join(f"{name}: {shown(str(value))}\n" for name, value in values.items())
