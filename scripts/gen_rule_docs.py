"""Write a page for every rule into ``docs/rules/``, and ``docs/rules/README.md`` as their index.

The pages say what the rules' own modules say: docstring, severity, targets, examples; then what a
check of the first example prints, and the messages of real Caffes in ``docs/rules/messages.toml``.
``rules/_index.py`` is written as well: by it a check knows the rules without importing them.

    python scripts/gen_rule_docs.py            write the pages that changed, remove those of no rule
    python scripts/gen_rule_docs.py --check    change nothing; exit 1 if a page is out of date
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rule_page import page

from protolint.lint.manual import markdown_index
from protolint.lint.registry import all_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

REPO_ROOT = Path(__file__).resolve().parent.parent
PAGES = REPO_ROOT / "docs" / "rules"
MESSAGES = PAGES / "messages.toml"
INDEX = REPO_ROOT / "rules" / "_index.py"

EXIT_OK, EXIT_OUT_OF_DATE = 0, 1


def render_all() -> dict[str, str]:
    """Render the pages of protolint's own rules; those of installed plug-ins are left out.

    Returns:
        The text of each page by its file name.
    """
    own = [rule for rule in all_rules() if rule.module.startswith("protolint.rules.")]
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    messages = tomllib.loads(MESSAGES.read_text("utf-8"))
    pages = {f"{rule.code}.md": page(rule, messages) for rule in own}
    return {"README.md": markdown_index(own), **pages}


def render_index() -> str:
    """Render the index of protolint's own rules: a line for each, from what its module says."""
    head = '"""What each rule says of itself, so that it is known without being imported."""\n\n'
    head += "# Written by scripts/gen_rule_docs.py.\n# fmt: off\nROWS = (\n"
    rows = []
    for rule in all_rules():
        package, _, name = rule.module.rpartition(".")
        if package == "protolint.rules":
            dialects, needs = tuple(sorted(rule.dialects)), tuple(rule.needs)
            row = (name, rule.severity.value, rule.scope.value, rule.reader, dialects, needs)
            rows.append(f"    {row!r},\n")
    return f"{head}{''.join(rows)})\n"


def out_of_date(pages: dict[str, str], folder: Path) -> dict[str, str]:
    """Find the pages on disk that are not what the rules say.

    Args:
        pages: What :func:`render_all` returned.
        folder: The folder of the committed pages.

    Returns:
        File name and what is wrong with it, for each such file; empty if all is well.
    """
    found: dict[str, str] = {}
    for name, text in pages.items():
        path = folder / name
        if not path.is_file():
            found[name] = "is missing"
        elif path.read_bytes() != text.encode():
            found[name] = "differs from its rule"
    for path in sorted(folder.glob("*.md")):
        if path.name not in pages:
            found[path.name] = "has no rule"
    return found


def write_pages(pages: dict[str, str], folder: Path) -> dict[str, str]:
    """Bring a folder up to date; pages that already say the same are left as they are.

    Args:
        pages: What :func:`render_all` returned.
        folder: The folder to write to; it is made if need be.

    Returns:
        File name and what was done to it, for each file that changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, str] = {}
    for name in out_of_date(pages, folder):
        if name in pages:
            (folder / name).write_bytes(pages[name].encode())
            done[name] = "written"
        else:
            (folder / name).unlink()
            done[name] = "removed, its rule is gone"
    return done


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; those of the process if not given.

    Returns:
        The exit code: 0 fine, 1 out of date (only with ``--check``).
    """
    parser = argparse.ArgumentParser(description="Write docs/rules/ from the rules' modules.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; name the pages that are out of date and exit 1 if there are any",
    )
    arguments = parser.parse_args(argv)
    pages, index = render_all(), render_index()
    stale = not INDEX.is_file() or INDEX.read_text("utf-8") != index
    if not arguments.check:
        if stale:
            INDEX.parent.mkdir(parents=True, exist_ok=True)
            INDEX.write_text(index, "utf-8")
            print(f"rules/{INDEX.name}: written")
        done = write_pages(pages, PAGES)
        for name, what in done.items():
            print(f"{name}: {what}")
        print(f"{len(pages)} pages, {len(done)} changed")
        return EXIT_OK
    wrong = out_of_date(pages, PAGES)
    for name, what in wrong.items():
        print(f"docs/rules/{name} {what}", file=sys.stderr)
    if stale:
        print(f"rules/{INDEX.name} differs from the rules", file=sys.stderr)
    if wrong or stale:
        print("to repair: python scripts/gen_rule_docs.py", file=sys.stderr)
        return EXIT_OUT_OF_DATE
    print(f"{len(pages)} pages are up to date")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
