"""The keys of a configuration and their values: `[tool.protolint]`, or all of protolint.toml.

A file may name another that it starts from with `extend`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TypeVar

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import AUTO, DIALECTS, resolve_target
from protolint.diagnostic import Severity
from protolint.errors import ConfigError
from protolint.suggest import did_you_mean
from protolint.workspace.discover import read_text
from protolint.workspace.settings import RuleNames, Settings

__all__ = ["keys", "load_settings", "located", "read_table", "table_of_pairs"]

_Value = TypeVar("_Value")
#: A configuration is written by people; a larger one takes long to read, and is none.
_MOST_BYTES = 1 << 20


def read_table(path: str) -> dict[str, object] | None:
    """Return the protolint table of a file, or None for a pyproject.toml without one."""
    text = read_text(path, _MOST_BYTES, "the configuration")
    shared = os.path.basename(path) == "pyproject.toml"
    if shared and "protolint" not in text:
        return None
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path}: values lie in each other too deep") from None
    except ValueError as error:  # of the syntax, or of a number of thousands of digits
        reason = str(error).split(";")[0]
        raise ConfigError(f"{path}: not valid TOML: {reason}") from None
    if not shared:
        return dict(data)
    table = data.get("tool", {}).get("protolint")
    return table if isinstance(table, dict) else None


def table_of_pairs(given: list[str]) -> dict[str, object]:
    """Return a caller's KEY=VALUE pairs as a table; a bare word is a string."""
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    table: dict[str, object] = {}
    for text in given:
        key, _, value = text.partition("=")
        try:
            read = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            read = value
        table[key.strip()] = read
    return table


def located(path: str, key: str) -> str:
    """Return `path:line` of a key in a configuration, the path alone where it is not found."""
    name = re.escape(key.split(".")[-1])
    try:
        lines = read_text(path, _MOST_BYTES, "the configuration").split("\n")
    except ConfigError:
        return path
    table = next((n for n, line in enumerate(lines) if "tool.protolint" in line), 0)
    pattern = re.compile(
        rf"""\s*(?:\[.*\b)?["']?{name}["']?\s*(?:=|\])|.*[{{,]\s*["']?{name}["']?\s*="""
    )
    for number, line in enumerate(lines[table:], table + 1):
        if pattern.match(line):
            return f"{path}:{number}"
    return path


class _Reader:
    """Reads the values of one table, and keeps which keys there could be."""

    def __init__(self, path: str, table: Mapping[str, object]) -> None:
        self.path = path
        self.known = ["extend"]
        self._table = table

    def read(self, key: str, read: Callable[[str, str, object], _Value], default: _Value) -> _Value:
        """Return the value of a key, or the default where the table has none."""
        self.known.append(key)
        if key not in self._table:
            return default
        try:
            return read(self.path, key, self._table[key])
        except ConfigError as error:
            text = str(error)
            if not text.startswith(f"{self.path}: "):
                raise
            place = located(self.path, key)
            raise ConfigError(f"{place}{text[len(self.path) :]}") from None


def load_settings(
    path: str,
    table: Mapping[str, object],
    seen: tuple[str, ...] = (),
    *,
    base: Settings = Settings(),  # noqa: B008
) -> Settings:
    """Return the settings that a table spells, on top of `base`.

    Raises ConfigError for an unknown key, a wrong value, or a circle of `extend`.
    """
    if "extend" in table:
        base = _extended(path, table["extend"], (*seen, os.path.abspath(path)))
    reader = _Reader(path, table)
    settings = _settings(reader, base)
    for key in table:
        if key not in reader.known:
            hint = did_you_mean(key, reader.known)
            if key == "tool":
                hint = "; [tool.protolint] is for pyproject.toml: leave the table's name out here"
            raise ConfigError(f"{located(path, key)}: unknown key '{key}'{hint}")
    return settings


def _settings(table: _Reader, base: Settings) -> Settings:
    """Read every key of a table; what it does not have is as in `base`."""
    read = table.read
    return Settings(
        path=table.path,
        targets=read("target", _dialects, base.targets),
        cudnn=read("cudnn", _flag, base.cudnn),
        layer_types=read("layer-types", _set, base.layer_types),
        extra_fields=read("extra-fields", _set, base.extra_fields),
        proto=read("proto", _beside, base.proto),
        fine_tunes=read("fine-tunes", _flag, base.fine_tunes),
        select=read("select", _selection, base.select),
        ignore=read("ignore", _rules, base.ignore),
        per_file_ignores=read("per-file-ignores", _by_pattern(_rules), base.per_file_ignores),
        per_file_targets=read("per-file-targets", _by_pattern(_dialects), base.per_file_targets),
        severity=read("severity", _severities, base.severity),
        exclude=read("exclude", _patterns, base.exclude),
        force_exclude=read("force-exclude", _flag, base.force_exclude),
        baseline=read("baseline", _beside, base.baseline),
        fail_level=read("fail-level", _severity, base.fail_level),
        thresholds=read("thresholds", _thresholds, base.thresholds),
    )


def keys() -> list[str]:
    """Return every key that a configuration can have."""
    reader = _Reader("", {})
    _settings(reader, Settings())
    return reader.known


def _extended(path: str, value: object, seen: tuple[str, ...]) -> Settings:
    other = os.path.join(os.path.dirname(path), _string(path, "extend", value))
    if os.path.abspath(other) in seen:
        raise ConfigError(f"{path}: 'extend' goes round in a circle through {other}")
    if not os.path.isfile(other):
        raise ConfigError(f"{path}: 'extend' names {other}, which is not there")
    table = read_table(other)
    if table is None:
        raise ConfigError(f"{path}: 'extend' names {other}, which has no [tool.protolint]")
    return load_settings(other, table, seen)


def _string(path: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{path}: '{key}' takes a string, not {value!r}")
    return value


def _strings(path: str, key: str, value: object) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise ConfigError(f"{path}: '{key}' takes a string or a list of strings, not {value!r}")
    return values


def _set(path: str, key: str, value: object) -> frozenset[str]:
    return frozenset(_strings(path, key, value))


def _selection(path: str, key: str, value: object) -> RuleNames:
    if not _strings(path, key, value):
        raise ConfigError(f"{path}: '{key}' names no rule, so nothing would be checked")
    return _rules(path, key, value)


def _flag(path: str, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{path}: '{key}' takes true or false, not {value!r}")
    return value


def _dialects(path: str, key: str, value: object) -> tuple[Dialect, ...]:
    found = []
    names = _strings(path, key, value)
    if names == [AUTO]:
        return ()
    if AUTO in names:
        raise ConfigError(f"{path}: '{key}': '{AUTO}' stands alone: each file shows its own")
    if not names:
        raise ConfigError(f"{path}: '{key}' names no target; '{AUTO}' lets each file show its own")
    for name in names:
        dialect = resolve_target(name)
        if dialect is None:
            hint = did_you_mean(name, DIALECTS)
            known = ", ".join(DIALECTS)
            raise ConfigError(f"{path}: unknown target '{name}'{hint}; known: {known}")
        found.append(dialect)
    return tuple(found)


def _rules(path: str, key: str, value: object) -> RuleNames:
    return RuleNames(tuple(_strings(path, key, value)), path, key)


def _severity(path: str, key: str, value: object) -> Severity:
    names = [level.value for level in Severity]
    if value not in names:
        raise ConfigError(f"{path}: '{key}' takes one of {', '.join(names)}, not {value!r}")
    return Severity(value)


def _severities(path: str, key: str, value: object) -> tuple[tuple[RuleNames, Severity], ...]:
    return tuple(
        (RuleNames((name,), path, key), _severity(path, f"{key}.{name}", level))
        for name, level in _sub_table(path, key, value).items()
    )


def _by_pattern(
    read: Callable[[str, str, object], _Value],
) -> Callable[[str, str, object], Mapping[str, _Value]]:
    def reader(path: str, key: str, value: object) -> Mapping[str, _Value]:
        table = _sub_table(path, key, value)
        return MappingProxyType({p: read(path, f"{key}.{p}", v) for p, v in table.items()})

    return reader


def _sub_table(path: str, key: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: '{key}' takes a table, not {value!r}")
    return value


def _beside(path: str, key: str, value: object) -> str:
    return os.path.join(os.path.dirname(path), _string(path, key, value))


def _thresholds(path: str, key: str, value: object) -> MappingProxyType[str, float]:
    from protolint.workspace.thresholds import THRESHOLDS, wanted_instead

    found: dict[str, float] = {}
    for name, number in _sub_table(path, key, value).items():
        if name not in THRESHOLDS:
            hint = did_you_mean(name, THRESHOLDS) or f"; known: {', '.join(THRESHOLDS)}"
            raise ConfigError(f"{path}: unknown key '{key}.{name}'{hint}")
        what = wanted_instead(name, number)
        if what is not None:
            raise ConfigError(f"{path}: '{key}.{name}' takes a number {what}, not {number!r}")
        found[name] = float(str(number))
    return MappingProxyType(found)


def _patterns(path: str, key: str, value: object) -> tuple[str, ...]:
    return tuple(_strings(path, key, value))
