"""Finding the configuration of a file: the nearest protolint.toml or pyproject.toml above it.

It is used alone; nothing cascades, and none is looked for in the folder of temporary files or
above it. What it may say is in protolint.workspace.config_keys, which is not read without one.
"""

from __future__ import annotations

import os

from protolint.errors import ConfigError
from protolint.workspace.settings import Settings

__all__ = ["ConfigFinder", "has_configuration", "is_temporary"]

_NAMES = ("protolint.toml", "pyproject.toml")
#: What stands for a path where a caller gives a key.
_GIVEN = "--config"


class ConfigFinder:
    """Finds the settings for each checked file; a folder is looked at once.

    `given` are what a caller names: a file to use in place of all others, and single keys as
    `KEY=VALUE`, which count more than any file. Raises ConfigError where one is wrong.
    """

    def __init__(self, *, isolated: bool = False, given: tuple[str, ...] = ()) -> None:
        self._isolated = isolated
        self._found: dict[str, Settings] = {}
        pairs = [text for text in given if _is_pair(text)]
        files = [text for text in given if not _is_pair(text)]
        if len(files) > 1:
            raise ConfigError(f"--config names two files, {files[0]} and {files[1]}; give one")
        self._only = _named(files[0]) if files else None
        self._more: dict[str, object] = {}
        if pairs:
            from protolint.workspace.config_keys import table_of_pairs

            self._more = table_of_pairs(pairs)

    def settings_for(self, folder: str) -> Settings:
        """Return the settings that hold in a folder. Raises ConfigError where they are wrong."""
        known = self._found.get(folder)
        if known is None:
            if self._only is not None:
                known = self._only
            else:
                known = Settings() if self._isolated else self._look(folder)
            if self._more:
                from protolint.workspace.config_keys import load_settings

                known = load_settings(_GIVEN, self._more, base=known)._replace(path=known.path)
            self._found[folder] = known
        return known

    def _look(self, folder: str) -> Settings:
        if is_temporary(folder) and folder != os.path.realpath(os.getcwd()):
            return Settings()
        for name in _NAMES:
            path = os.path.join(folder, name)
            found = _settings_in(path) if os.path.isfile(path) else None
            if found is not None:
                return found
        parent = os.path.dirname(folder)
        return Settings() if parent == folder else self.settings_for(parent)


def is_temporary(folder: str) -> bool:
    """Return whether a folder is that of temporary files, where anyone may put anything."""
    return os.path.realpath(folder) == os.path.realpath(os.environ.get("TMPDIR", "/tmp"))


def has_configuration(folder: str) -> bool:
    """Return whether a folder has a configuration of protolint.

    Raises ConfigError where one cannot be read, or is no TOML.
    """
    paths = [os.path.join(folder, name) for name in _NAMES]
    if not any(map(os.path.isfile, paths)):
        return False
    from protolint.workspace.config_keys import read_table

    return any(os.path.isfile(path) and read_table(path) is not None for path in paths)


def _settings_in(path: str) -> Settings | None:
    """Return the settings of a file, None for a pyproject.toml that does not speak of protolint."""
    from protolint.workspace.config_keys import load_settings, read_table

    table = read_table(path)
    return None if table is None else load_settings(path, table)


def _is_pair(text: str) -> bool:
    """Whether a caller's text is KEY=VALUE, and not a file whose name has "=" in it."""
    return "=" in text and not os.path.isfile(text)


def _named(path: str) -> Settings:
    """Return the settings of a file that a caller names. Raises ConfigError."""
    if not os.path.isfile(path):
        raise ConfigError(f"{path}: no such file; --config takes a file, or KEY=VALUE")
    found = _settings_in(path)
    if found is None:
        raise ConfigError(f"{path}: has no [tool.protolint]")
    return found
