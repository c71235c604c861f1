"""The exit codes, and the exceptions protolint raises.

    OK       0    nothing was found, or all was done
    FOUND    1    something was found, or a result would not compute what its source does
    FAILED   2    a ProtolintError: in every verb
    STOPPED  130  Ctrl-C
    CLOSED   141  whoever reads standard output has gone

    ProtolintError
    +-- UsageError           the command line or an argument is wrong
    +-- InputError           a file cannot be read, or is not what it has to be
    +-- ConfigError          a configuration file is wrong
    +-- ProofError           a conversion is wrong (protolint.conversion.prove.weights): FOUND
    +-- FoldError            a fold is wrong (protolint.folding.numbers): FOUND

A finding is never an exception: what is wrong *inside* a file is a diagnostic.
"""

from __future__ import annotations

__all__ = [
    "CLOSED", "FAILED", "FOUND", "OK", "STOPPED", "ConfigError", "InputError", "ProtolintError",
    "UsageError",
]  # fmt: skip

OK, FOUND, FAILED, STOPPED, CLOSED = 0, 1, 2, 130, 141


class ProtolintError(Exception):
    """The base of every error protolint raises on purpose.

    Its text is one message for a person: where, what was found, what to do.
    """

    exit_code = FAILED


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
