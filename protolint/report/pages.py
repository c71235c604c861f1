"""Where the project lives on the web: the one place that knows its addresses."""

from __future__ import annotations

from protolint.lint.registry import known_rules
from protolint.lint.rule import RULES

__all__ = ["HOME", "PAGES", "page_url"]

HOME = "https://github.com/protolint-caffe/protolint"
#: The folder of the rule pages; each is called as its rule's code.
PAGES = f"{HOME}/blob/main/docs/rules/"


def page_url(code: str) -> str | None:
    """Return the address of a rule's page; None for a rule of a plug-in, whose page is not ours."""
    known_rules()
    rule = RULES.get(code)
    ours = rule is not None and rule.module.startswith("protolint.rules.")
    return f"{PAGES}{code}.md" if ours else None
