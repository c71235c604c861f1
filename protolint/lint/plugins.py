"""Rules of other distributions, which declare them in the entry point group `protolint.rules`.

An entry point names a module; importing it, and the modules in it where it is a package,
registers its rules. The installed distributions are looked through without importlib.metadata,
whose import alone takes longer than checking a small net.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from protolint.caffe.registry import DIALECTS
from protolint.errors import ProtolintError
from protolint.lint.rule import RULES, Finding, Rule
from protolint.record import NamedTuple

__all__ = ["GROUP", "Plugin", "find_plugins", "load_plugin"]

GROUP = "protolint.rules"

# Not compiled here: most runs find no plug-in.
_CODE = r"[A-Z]+[0-9]+"
_NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
_METADATA = r"(?P<project>.+?)-(?P<version>[^-]+?)(-py[0-9.]+)?\.(dist|egg)-info"


class Plugin(NamedTuple):
    """An entry point of the group: the distribution it is of, its name, and what it names."""

    distribution: str
    name: str
    module: str


def find_plugins() -> list[Plugin]:
    """Every entry point of the group, in order of distribution and name.

    Of a distribution that declares the group twice, the first on sys.path counts.
    """
    found: dict[str, list[Plugin]] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if not name.endswith(("t-info", "g-info")):
                continue
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                    data = file.read()
            except OSError:
                continue
            if GROUP.encode() in data:
                project, title = _distribution(os.path.join(folder, name))
                if project not in found:
                    found[project] = [
                        Plugin(title, key, module)
                        for key, module in _declared(data.decode("utf-8", "replace"))
                    ]
    return [plugin for project in sorted(found) for plugin in sorted(found[project])]


def _distribution(folder: str) -> tuple[str, str]:
    """Return what a distribution is known by, and how it is shown: project and version."""
    match = re.fullmatch(_METADATA, os.path.basename(folder))
    project = match["project"] if match else os.path.basename(folder).rpartition(".")[0]
    version = match["version"] if match else ""
    shown = project.replace("_", "-")
    return re.sub(r"[-_.]+", "-", project).lower(), f"{shown} {version}".strip()


def _declared(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == GROUP and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()


def load_plugin(plugin: Plugin) -> None:
    """Import the modules of a plug-in and register their rules.

    Raises ProtolintError, naming the distribution, where that fails or where a rule cannot be
    distinguished from the others. An error that a rule raises later names it too.
    """
    import pkgutil

    before = dict(RULES)
    try:
        if not plugin.module or ":" in plugin.module:
            raise ProtolintError(f"'{plugin.module}' is no module")
        module = importlib.import_module(plugin.module)
        for inner in pkgutil.iter_modules(getattr(module, "__path__", ())):
            if not inner.name.startswith("_"):
                importlib.import_module(f"{plugin.module}.{inner.name}")
        for code in sorted(RULES.keys() - before.keys()):
            _refuse_unusable(RULES[code])
            RULES[code] = RULES[code]._replace(check=_attributed(plugin, RULES[code]))
    except (Exception, SystemExit) as error:
        _forget(plugin, before)
        what = str(error) if isinstance(error, ProtolintError) else _described(error)
        raise ProtolintError(
            f"the rules of {plugin.distribution} (entry point '{plugin.name}' of {GROUP}) cannot "
            f"be loaded: {what}; repair or uninstall that distribution"
        ) from error


def _forget(plugin: Plugin, before: dict[str, Rule]) -> None:
    """Undo a load that failed, so that the next one fails in the same way or succeeds."""
    for code in RULES.keys() - before.keys():
        del RULES[code]
    for name in list(sys.modules):
        if f"{name}.".startswith(f"{plugin.module}."):
            del sys.modules[name]


def _refuse_unusable(rule: Rule) -> None:
    if not re.fullmatch(_CODE, rule.code):
        raise ProtolintError(f"'{rule.code}' is no code; one is letters and digits, as in XY001")
    if not re.fullmatch(_NAME, rule.name):
        raise ProtolintError(f"'{rule.name}' is no name; one is words-with-dashes")
    for other in RULES.values():
        if other.code == rule.code:
            continue
        if other.name == rule.name:
            raise ProtolintError(f"{rule.code} and {other.code} have one name, {rule.name}")
        if other.module == rule.module:
            raise ProtolintError(
                f"{rule.code} and {other.code} are in one module, {rule.module}; a module holds "
                "one rule, and its docstring is the rule's manual"
            )
    unknown = sorted(rule.dialects - DIALECTS.keys())
    if unknown:
        raise ProtolintError(f"{rule.code} is for unknown targets: {', '.join(unknown)}")


def _attributed(plugin: Plugin, rule: Rule) -> Callable[[Any], Iterator[Finding]]:
    """Return the rule's check; where it fails, the error names the plug-in."""

    def check(subject: Any) -> Iterator[Finding]:
        try:
            found: Iterator[Any] = rule.check(subject)
            for finding in found:
                if not isinstance(finding, Finding):
                    raise TypeError(f"it yields {finding!r}, which is no Finding")
                yield finding
        except Exception as error:
            raise ProtolintError(
                f"rule {rule.code} of {plugin.distribution} failed on {subject.source.path}: "
                f"{_described(error)}; leave it out with --ignore {rule.code}"
            ) from error

    return check


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
