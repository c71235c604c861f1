"""Settings from `[tool.protolint]` in pyproject.toml, or from protolint.toml.

The nearest file above the checked one is used alone; nothing cascades.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

from protolint.errors import ConfigError
from protolint.lint.suggest import did_you_mean
from protolint.schema.dialects import DIALECTS, Dialect, resolve_target

__all__ = ["ConfigFinder", "Settings", "load_settings"]

_NAMES = ("protolint.toml", "pyproject.toml")


class Settings(NamedTuple):
    """What a configuration file can say.

    `targets` is empty where the dialect is to be inferred. `cudnn` is False for a Caffe
    built without cuDNN. `layer_types` are the user's own types, `proto` a schema of a fork.
    """

    path: str | None = None
    targets: tuple[Dialect, ...] = ()
    cudnn: bool = True
    layer_types: frozenset[str] = frozenset()
    proto: str | None = None


class ConfigFinder:
    """Finds the settings for each checked file; a folder is looked at once."""

    def __init__(self, *, isolated: bool = False) -> None:
        self._isolated = isolated
        self._found: dict[str, Settings] = {}

    def settings_for(self, folder: str) -> Settings:
        """The settings that hold in a folder. Raises ConfigError where they are wrong."""
        if self._isolated:
            return Settings()
        known = self._found.get(folder)
        if known is None:
            known = self._found[folder] = self._look(folder)
        return known

    def _look(self, folder: str) -> Settings:
        for name in _NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                table = _table(path)
                if table is not None:
                    return load_settings(path, table)
        parent = os.path.dirname(folder)
        return Settings() if parent == folder else self.settings_for(parent)


def _table(path: str) -> dict[str, Any] | None:
    """The protolint table of a file, or None for a pyproject.toml without one."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    shared = os.path.basename(path) == "pyproject.toml"
    if shared and "[tool.protolint" not in text:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        tomllib = import_module("tomli")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    if not shared:
        return dict(data)
    table = data.get("tool", {}).get("protolint")
    return table if isinstance(table, dict) else None


def load_settings(path: str, table: dict[str, Any]) -> Settings:
    """The settings a table spells. Raises ConfigError for an unknown key or a wrong value."""
    readers = {
        "target": _targets,
        "cudnn": _cudnn,
        "layer-types": _layer_types,
        "proto": _proto,
    }
    values: dict[str, Any] = {}
    for key, value in table.items():
        read = readers.get(key)
        if read is None:
            raise ConfigError(f"{path}: unknown key '{key}'{did_you_mean(key, readers)}")
        name = {"target": "targets", "layer-types": "layer_types"}.get(key, key)
        values[name] = read(path, value)
    return Settings(path=path, **values)


def _strings(path: str, key: str, value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise ConfigError(f"{path}: '{key}' takes a string or a list of strings, not {value!r}")
    return values


def _targets(path: str, value: Any) -> tuple[Dialect, ...]:
    found = []
    for name in _strings(path, "target", value):
        dialect = resolve_target(name)
        if dialect is None:
            hint = did_you_mean(name, DIALECTS)
            known = ", ".join(DIALECTS)
            raise ConfigError(f"{path}: unknown target '{name}'{hint}; known: {known}")
        found.append(dialect)
    return tuple(found)


def _cudnn(path: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{path}: 'cudnn' takes true or false, not {value!r}")
    return value


def _layer_types(path: str, value: Any) -> frozenset[str]:
    return frozenset(_strings(path, "layer-types", value))


def _proto(path: str, value: Any) -> str:
    (name, *more) = _strings(path, "proto", value) or [""]
    if more or not name:
        raise ConfigError(f"{path}: 'proto' takes one file name, not {value!r}")
    return os.path.join(os.path.dirname(path), name)
