"""protolint: a linter for Caffe nets that knows how BatchNorm differs from Caffe to Caffe.

    for finding in protolint.check("train_val.prototxt", target="nvidia-0.15"):
        print(finding.code, finding.message)

    net = protolint.load("deploy.prototxt")

    blobs = protolint.run("deploy.prototxt", "net.caffemodel", data=batch)

    report = protolint.convert("deploy.prototxt", "net.caffemodel", to="nvidia-0.17", output="out/")

The names listed in `__all__` are the public ones; each is imported when it is first used.
"""

# Nothing is imported here, not even typing: what a program does not use costs it nothing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from protolint.api import CheckResult, check, load
    from protolint.batchnorm.fit import PairError
    from protolint.caffe.dialect import Dialect
    from protolint.caffe.registry import DIALECTS
    from protolint.comparison.consequence import Change, Changes
    from protolint.comparison.models import Comparison
    from protolint.comparison.run import compare
    from protolint.conversion.prove.weights import ProofError
    from protolint.conversion.report import ConversionReport
    from protolint.conversion.run import convert
    from protolint.deployment.run import Deployment, deploy
    from protolint.deployment.upgrade import Upgrade, upgrade
    from protolint.diagnostic import Diagnostic, Label, Severity
    from protolint.edit import Applicability, Edit, Fix
    from protolint.errors import ConfigError, InputError, ProtolintError, UsageError
    from protolint.execution.run import run
    from protolint.execution.step import ExecutionError
    from protolint.layers.layer import Layer
    from protolint.net.net import Net
    from protolint.net.view import View
    from protolint.recalibration.run import Recalibration, recalibrate
    from protolint.source import Position, Source, Span

    __version__: str

__all__ = [
    "DIALECTS",
    "Applicability",
    "Change",
    "Changes",
    "CheckResult",
    "Comparison",
    "ConfigError",
    "ConversionReport",
    "Deployment",
    "Diagnostic",
    "Dialect",
    "Edit",
    "ExecutionError",
    "Fix",
    "InputError",
    "Label",
    "Layer",
    "Net",
    "PairError",
    "Position",
    "ProofError",
    "ProtolintError",
    "Recalibration",
    "Severity",
    "Source",
    "Span",
    "Upgrade",
    "UsageError",
    "View",
    "__version__",
    "check",
    "compare",
    "convert",
    "deploy",
    "load",
    "recalibrate",
    "run",
    "upgrade",
]

_MODULES = {
    "api": ("CheckResult", "check", "load"),
    "comparison.consequence": ("Change", "Changes"),
    "batchnorm.fit": ("PairError",),
    "comparison.models": ("Comparison",),
    "comparison.run": ("compare",),
    "conversion.report": ("ConversionReport",),
    "conversion.run": ("convert",),
    "conversion.prove.weights": ("ProofError",),
    "deployment.run": ("Deployment", "deploy"),
    "deployment.upgrade": ("Upgrade", "upgrade"),
    "diagnostic": ("Diagnostic", "Label", "Severity"),
    "edit": ("Applicability", "Edit", "Fix"),
    "errors": ("ConfigError", "InputError", "ProtolintError", "UsageError"),
    "execution.run": ("run",),
    "execution.step": ("ExecutionError",),
    "layers.layer": ("Layer",),
    "net.net": ("Net",),
    "net.view": ("View",),
    "caffe.dialect": ("Dialect",),
    "caffe.registry": ("DIALECTS",),
    "recalibration.run": ("Recalibration", "recalibrate"),
    "source": ("Position", "Source", "Span"),
}


def __getattr__(name: str) -> object:
    """Return a public name, imported from the module that defines it."""
    from importlib import import_module

    if name == "__version__":
        value: object = import_module("importlib.metadata").version("protolint-caffe")
    else:
        module = next((m for m, names in _MODULES.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module 'protolint' has no attribute '{name}'")
        value = getattr(import_module(f"protolint.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
