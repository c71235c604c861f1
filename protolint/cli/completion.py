"""What a shell offers for a value: rules, targets, files. Imported when a shell asks."""

from __future__ import annotations

from click.shell_completion import CompletionItem

from protolint.caffe.registry import AUTO, DIALECTS, NEWEST, NVIDIA
from protolint.errors import ProtolintError
from protolint.lint.registry import known_rules

__all__ = ["paths", "rule_lists", "rules", "targets"]


def paths(incomplete: str) -> list[CompletionItem]:
    """Files and folders, which the shell itself knows best."""
    return [CompletionItem(incomplete, type="file")]


def targets(incomplete: str, *, auto: bool = False) -> list[CompletionItem]:
    """Return the dialects whose names begin so, each with its title."""
    known = {name: dialect.title for name, dialect in DIALECTS.items()}
    if auto:
        known[AUTO] = "the one that each file points to"
    known[NVIDIA] = f"the newest: {NEWEST.title}"
    return [
        CompletionItem(name, help=title)
        for name, title in known.items()
        if name.startswith(incomplete.lower())
    ]


def rules(incomplete: str) -> list[CompletionItem]:
    """Return the rules whose codes begin so, in any case, or else those whose names do."""
    return _offered(incomplete, _codes())


def rule_lists(incomplete: str) -> list[CompletionItem]:
    """Return lists of rules: what stands before the last comma is kept and not offered again."""
    before, comma, last = incomplete.rpartition(",")
    codes = _codes()
    families = {code.rstrip("0123456789") for code in codes}
    known = {
        **{family: f"every {family} rule" for family in sorted(families)},
        **codes,
        "ALL": "every rule",
    }
    given = {name.strip().upper() for name in before.split(",")}
    found = _offered(last, {name: known[name] for name in known if name not in given})
    return [CompletionItem(f"{before}{comma}{item.value}", help=item.help) for item in found]


def _codes() -> dict[str, str]:
    """Return the name of every rule by its code; none where they cannot be loaded."""
    try:
        return {rule.code: rule.name for rule in known_rules()}
    except ProtolintError:
        return {}


def _offered(incomplete: str, known: dict[str, str]) -> list[CompletionItem]:
    found = [
        CompletionItem(code, help=title)
        for code, title in known.items()
        if code.startswith(incomplete.upper())
    ]
    return found or [
        CompletionItem(name, help=code)
        for code, name in known.items()
        if name.startswith(incomplete.lower()) and " " not in name
    ]
