"""The exceptions protolint raises, and the exit code each one means.

    ProtolintError           exit code 2
    +-- UsageError           the command line or an argument is wrong
    +-- InputError           a file cannot be read, or is not what it has to be
    +-- ConfigError          a configuration file is wrong

A finding is never an exception: what is wrong *inside* a file is a diagnostic.
"""

from __future__ import annotations

__all__ = ["ConfigError", "InputError", "ProtolintError", "UsageError"]


class ProtolintError(Exception):
    """The base of every error protolint raises on purpose.

    Its text is one message for a person: where, what was found, what to do.
    """

    exit_code = 2


class UsageError(ProtolintError):
    """A wrong command line, or a wrong argument to a public function."""


class InputError(ProtolintError):
    """An input that cannot be read, or that is not a file protolint can check."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        """Let the error come back from another process."""
        return type(self), (self.path, self.message)


class ConfigError(ProtolintError):
    """A configuration file that cannot be read or says something unknown."""
