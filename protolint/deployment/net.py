"""A deploy net from whatever prototxt is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from protolint.caffe.dialect import Dialect
from protolint.deployment.fork_norms import is_fork_norm, normalises_by_batch
from protolint.deployment.inputs import sizes_of
from protolint.deployment.plan import DeployPlan, plan_deploy
from protolint.deployment.text import deploy_edits
from protolint.diagnostic import Diagnostic
from protolint.edit import apply_edits
from protolint.errors import InputError, UsageError
from protolint.layers.shape import Shape
from protolint.lint.check_text import check_source
from protolint.lint.fixer import fix_source
from protolint.net.named_states import views_named
from protolint.net.net import Net
from protolint.net.view import View
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.upgrading.text import upgrade_text
from protolint.weights.kinds import FileKind
from protolint.words import listed
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Workspace

__all__ = ["DeployNet", "current_form", "deploy_net"]

#: What a transform_param does to an image in TEST.
_PREPARES = ("crop_size", "mean_file", "mean_value", "scale", "force_color", "force_gray")
_DEPLOY = "deploy"
_BOM = b"\xef\xbb\xbf"
#: Rules on what the parser reads, but for the one that upgrades.
_READER = ("PT001", "PT002", "PT004", "PT007")


class DeployNet(NamedTuple):
    """A deploy net as text, read again, with remarks.

    `before` is the net in current form, in the state that was chosen.
    """

    file: LintFile
    before: Net
    view: View
    plan: DeployPlan
    remarks: tuple[str, ...]

    @property
    def fork_norms(self) -> frozenset[str]:
        """The names of the BatchNorms of forks that became Scale layers."""
        layers = (layer for layer in self.view.layers if layer.index not in self.plan.removed)
        return frozenset(layer.name for layer in layers if is_fork_norm(layer))

    @property
    def net(self) -> Net:
        """The deploy net."""
        return self.file.nets[0]


def current_form(
    workspace: Workspace, source: Source, dialect: Dialect | None
) -> tuple[LintFile, list[str]]:
    """Return a net in the current form, and what its upgrade drops.

    Raises InputError for a file that is no net, or that its Caffe refuses to upgrade.
    """
    source, remarks = _repaired(workspace, source)
    file = workspace.read(source, dialect)
    if file.kind is FileKind.SOLVER:
        raise InputError(source.path, "a solver, not a net; give the net that it names")
    if not file.kind.is_text and not file.tree.broken:
        raise InputError(source.path, "no field of a net is in it")
    found = upgrade_text(
        file.tree, file.message, file.misfits, file.dialect, is_solver=False, lenient=True
    )
    remarks += [
        f"line {source.line_number(loss.node.start)}: {loss.message}" for loss in found.losses
    ]
    new = Source(source.path, apply_edits(source.data, found.edits))
    return workspace.read(new, file.dialect), remarks


def _repaired(workspace: Workspace, source: Source) -> tuple[Source, list[str]]:
    """Return a text without what Caffe's parser refuses and a safe fix mends, and what that was."""
    remarks = []
    if source.data.startswith(_BOM):
        source = Source(source.path, source.data[len(_BOM) :])
        remarks.append("left out the byte order mark")
    file = workspace.read(source)
    if file.accepted or file.kind is not FileKind.NET or file.tree.broken:
        return source, remarks

    def found(text: Source) -> Iterator[Diagnostic]:
        for report in check_source(workspace, text)[:1]:
            yield from (d for d in report.diagnostics if d.code.startswith(_READER))

    source, applied = fix_source(source, found)
    remarks += [f"applied {count} {code}" for code, count in sorted(applied.items())]
    return source, remarks


def deploy_net(
    workspace: Workspace,
    source: Source,
    *,
    dialect: Dialect | None = None,
    state: str | None = None,
    given: Mapping[str, Shape],
    weights: Mapping[str, Sequence[tuple[int, ...]]],
    drop_global_stats: bool = False,
) -> DeployNet:
    """Return the deploy net of a prototxt.

    `given` are sizes of inputs, `weights` the shapes of the blobs of each layer in the weights.
    With `drop_global_stats` a BatchNorm that would use the batch's statistics uses stored ones.
    Raises InputError or UsageError where the file, the state or a size is not clear.
    """
    file, remarks = current_form(workspace, source, dialect)
    net = file.nets[0]
    view = _view(net, state)
    plan = plan_deploy(net, view)
    if not any(layer.index not in plan.removed for layer in view.layers):
        raise InputError(source.path, f"nothing that computes is left of it in {view.state}")
    if not drop_global_stats:
        _refuse_batch_statistics(net, view, plan)
    sizes = sizes_of(net, view, plan.inputs, plan.missing, given, weights)
    data = apply_edits(file.source.data, deploy_edits(net, view, plan, sizes))
    made = workspace.read(Source(source.path, data), file.dialect)
    remarks += [
        f"'{name}' is no input, and its size counts for nothing; inputs: {listed([*sizes], 3)}"
        for name in given
        if name not in sizes
    ]
    return DeployNet(made, net, view, plan, (*remarks, *_no_longer_done(view, plan)))


def _no_longer_done(view: View, plan: DeployPlan) -> Iterator[str]:
    """Yield what data layers that become inputs did to each image, and nobody does any more."""
    for layer in view.layers:
        param = layer.parameter("transform_param")
        fed = [version.name for version in view.tops[layer.index] if version in plan.inputs]
        if layer.index not in plan.removed or param is None or not fed:
            continue
        found = []
        for name in (field for field in _PREPARES if field in param):
            values = (value for value, _ in param.values[name])
            words = (f"{v:.7g}" if isinstance(v, float) else str(v) for v in values)
            found.append(f"{name} {', '.join(words)}")
        if found:
            yield f"'{fed[0]}' is no longer prepared by '{layer.name}': {'; '.join(found)}"


def _refuse_batch_statistics(net: Net, view: View, plan: DeployPlan) -> None:
    """Raise InputError for a BatchNorm that normalises by the batch; no importer does."""
    for layer in view.layers:
        if layer.index in plan.removed:
            continue
        if is_fork_norm(layer) and normalises_by_batch(layer):
            raise InputError(
                net.source.path,
                f"'{layer.name}' is a BN in LEARN mode, which uses the statistics of each batch and"
                " stores none; with the weights of compute_bn_statistics.py, --drop-global-stats"
                " makes it the Scale that they are for",
            )
        if layer.type != "BatchNorm":
            continue
        says = layer.batchnorm.use_global_stats
        obeyed = not net.traits(layer).kind.ignores_global_stats
        if obeyed and says is False:
            raise InputError(
                net.source.path,
                f"'{layer.name}' has use_global_stats: false and normalises by each batch, which"
                " no importer does; --drop-global-stats takes the stored statistics, with other"
                " outputs",
            )


def _view(net: Net, state: str | None) -> View:
    """Return the view of the state chosen, or of the deploy stage, or of TEST."""
    if state is not None:
        views = views_named(net, state)
        if len(views) > 1:
            known = ", ".join(f"'{view.state}'" for view in views)
            raise UsageError(f"{net.source.path}: several states are '{state}': {known}; name one")
        return views[0]
    for view in net.views:
        if _DEPLOY in view.state.stages:
            return view
    tests = [view for view in net.views if view.state.phase == "TEST"]
    return tests[0] if tests else views_named(net, "TEST")[0]
