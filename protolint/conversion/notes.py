"""Every wording of a conversion's notes, and what their codes mean; see refusals too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from protolint.record import NamedTuple

__all__ = ["CODES", "Note", "NoteCode", "first_of"]

#: The most fields that one note lists.
_MOST_SHOWN = 4


class NoteCode(NamedTuple):
    """The name of a code, in one line what it says, and what that means for the user."""

    name: str
    summary: str
    about: str


#: Every code that a note of a conversion has, in order.
CODES: Mapping[str, NoteCode] = MappingProxyType(
    {
        "CV001": NoteCode(
            "factor-folded",
            "Mean and variance were divided by their factor, which is stored as 1.",
            "BVLC Caffe stores sums and the factor to divide them by. The result holds mean and\n"
            "variance themselves, which every Caffe reads alike. Nothing is lost; for training\n"
            "that goes on in BVLC Caffe, --resume writes the factor of a long run.",
        ),
        "CV002": NoteCode(
            "scale-not-merged",
            "A Scale layer stays, as one BatchNorm would not compute or learn the same.",
            "The note gives the reason: a second bottom, another axis, another reader of the\n"
            "blob, other phases, shared parameters, or multipliers that the target would set\n"
            "to 1. "
            "The two layers compute what they did; nothing has to be done.",
        ),
        "CV003": NoteCode(
            "eps-changed",
            "The target cannot use the eps of the source, so the statistics make up for it.",
            "NVIDIA 0.14 on cuDNN always adds 1e-4, NVIDIA from 0.16 on at least 1e-5 (0.16.1 at\n"
            "least 1e-4). The difference goes into the variance, or into gamma where the variance\n"
            "would be below 0. Tests compute the same. Training uses the new eps.",
        ),
        "CV004": NoteCode(
            "freeze-settings-lost",
            "use_global_stats is left out or ignored, so training does not keep the statistics.",
            "Layers that were frozen, or not, by this field are no longer. Weights that are\n"
            "converted without their prototxt cannot follow it: convert both in the same call,\n"
            "where a frozen BatchNorm becomes a Scale layer.",
        ),
        "CV005": NoteCode(
            "statistics-reset-on-finetune",
            "Training in the target begins with statistics of its own, not with the stored ones.",
            "The first batch replaces the mean and variance that were loaded. Tests use them as\n"
            "they are. For fine-tuning take a large first batch, or freeze the BatchNorm layers\n"
            "before the conversion with use_global_stats: true.",
        ),
        "CV006": NoteCode(
            "shared-params-blocked",
            "A parameter shared by name keeps a BatchNorm and its Scale from becoming one layer.",
            "The blobs of the two layers stay apart, as another layer uses one of them under the\n"
            "same name (`param { name: }`). Take the names out first if the layers are to be one.",
        ),
    }
)


class Note(NamedTuple):
    """Something to report: a code (CV002 ...) or "", the layer or "", and what it is."""

    code: str
    layer: str
    message: str


def first_of(names: Sequence[str]) -> str:
    """Return the first name, and how many follow."""
    return f"'{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


# Of one BatchNorm. Where another name is what a note is about, it stands first, so that notes
# of several layers can be one line.


def eps_changed(layer: str, before: str, after: str) -> Note:
    """Return that the target uses another eps."""
    return Note("CV003", layer, f"eps {before} becomes {after}; the variance makes up for it")


def gamma_changed(layers: Sequence[str]) -> Note:
    """Return that the variance cannot make up for another eps in these layers."""
    return Note("CV003", "", f"gamma changed with eps in {_layers(len(layers))}: '{layers[0]}'")


def scale_kept(layer: str, scale: str, reason: str) -> Note:
    """Return why a Scale layer is not merged."""
    return Note("CV002", layer, f"'{scale}' kept as a layer of its own because {reason}")


def other_multipliers(whose: str, lr_mult: float, decay_mult: float, target: str) -> str:
    """Return as a reason that the target would set both multipliers to 1."""
    return f"{whose} lr_mult and decay_mult, {lr_mult:g} and {decay_mult:g}, would be 1 in {target}"


def no_bias(target: str) -> str:
    """Return as a reason that the target would train a beta where there is none."""
    return f"it has no bias, which {target} would train"


def one_channel(target: str) -> str:
    """Return as a reason that the target cannot load gamma and beta of one channel."""
    return f"{target} scrambles five blobs of one channel (BN029)"


def folded(layers: int, into: int) -> Note:
    """Return how many layers were folded into how many others."""
    return Note("", "", f"folded {layers} layers into {into}")


def not_folded(layer: str, reason: str) -> Note:
    """Return why a layer is not folded."""
    return Note("", layer, f"'{layer}' is not folded: {reason}")


def sharing_blocks(layer: str, parameter: str) -> Note:
    """Return that a parameter shared by name keeps two layers apart."""
    text = f"shared parameter '{parameter}' blocks the conversion to one layer"
    return Note("CV006", layer, text)


def global_stats_lost(layer: str, setting: str, target: str, *, alone: bool) -> Note:
    """Return that use_global_stats is ignored; `alone`: the weights are by themselves."""
    text = f"{setting} cannot be expressed in {target}"
    if alone:
        # With their net a Scale layer would take its place.
        text += "; convert the weights in the same call as their prototxt"
    return Note("CV004", layer, text)


def frozen(layer: str) -> Note:
    """Return that a BatchNorm becomes a Scale layer for good."""
    return Note(
        "",
        layer,
        "frozen, so it becomes a Scale layer that multiplies and adds what its statistics amount"
        " to: convert the weights in the same call; no conversion back makes it a BatchNorm",
    )


def affine_split(layer: str, reason: str) -> Note:
    """Return why gamma and beta do not stay in the BatchNorm."""
    return Note("", layer, f"gamma and beta become a Scale layer because {reason}")


def affine_added(layer: str, name: str, type: str, *, again: bool) -> Note:
    """Return that a layer for gamma and beta is put in, `again` under the name it had."""
    known = " again, under its old name" if again else ""
    return Note("", layer, f"'{name}' added{known}: a {type} layer for gamma and beta")


def affine_replaced(layer: str, type: str) -> Note:
    """Return that a layer of another type holds gamma and beta."""
    return Note("", layer, f"a {type} layer takes the place of the one behind it")


def gamma_start_changed(layer: str) -> Note:
    """Return that gamma starts at another value where no filler is given."""
    return Note("", layer, "gamma started at 0, for want of a scale_filler; now at 1")


def blob_added(layer: str, blob: str, *, by_convolution: bool, was_output: str) -> Note:
    """Return that a layer no longer works in place; `was_output` is an output that it renames."""
    writer = "the convolution behind the layer" if by_convolution else "the layer"
    text = f"'{blob}' added: a blob that {writer} writes to instead of its bottom"
    if was_output:
        text += f"; the net's output '{was_output}' is now called '{blob}'"
    return Note("", layer, text)


def reshaped(layer: str, axes: int) -> Note:
    """Return that Reshape layers are put around a BatchNorm."""
    return Note("", layer, f"its bottom of {axes} axes is reshaped to four, and back behind it")


# Of a whole net or solver.


def fields_left_out(target: str, names: Sequence[str]) -> Note:
    """Return which fields the target does not know; a long list is cut."""
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    listed = ", ".join(names[:_MOST_SHOWN])
    return Note("", "", f"left out, as {target} does not know them: {listed}{more}")


def solver_fields_left_out(target: str, names: Sequence[str]) -> Note:
    """Return which fields of a solver the target does not know."""
    return Note("", "", f"left out, as {target} does not know them: {', '.join(names)}")


def blobs_reordered(before: Sequence[str], after: Sequence[str]) -> Note:
    """Return how the blobs of BatchNorms are called, in order, before and after."""
    return Note("", "", f"blobs {', '.join(before)} become {', '.join(after)}")


def statistics_replaced(target: str) -> Note:
    """Return that the first batch of training replaces what was loaded."""
    return Note(
        "CV005",
        "",
        f"{target} replaces the loaded statistics by those of the first batch when training starts",
    )


def sharing_forbidden(target: str) -> Note:
    """Return that a field keeps sums from a blob that is still needed."""
    return Note("", "", f"eltwise_mem_sharing: false keeps {target} from writing sums early")


def inputs_become_fields(target: str) -> Note:
    """Return that the target has no Input layers."""
    return Note("", "", f"Input layers become fields of the net, as {target} has")


def weights_on_command_line(target: str, weights: str) -> Note:
    """Return that a solver of the target cannot name its weights."""
    text = f"{target} takes the weights to start from on the command line"
    return Note("", "", f"{text}: -weights {weights}")


def wrong_on_cpu(target: str) -> Note:
    """Return that CPU mode and cuDNN BatchNorm do not go together."""
    text = f"solver_mode: CPU computes cuDNN BatchNorm wrongly in {target} (SV004)"
    return Note("", "", f"{text}; --engine CAFFE")


def aborts_without_decay(target: str) -> Note:
    """Return that a solver without weight decay aborts."""
    text = f"without weight_decay {target} on engine CAFFE aborts unless it starts from"
    return Note("", "", f"{text} weights (BN032)")


def not_kept(what: str) -> Note:
    """Return what of a replaced file its result does not have."""
    return Note("", "", f"not kept: {what}")


def undone(path: str) -> Note:
    """Return that a killed run had changed a file without the others of its call."""
    return Note("", "", f"a run that was killed had changed {path} alone: that is undone")


# Of weights.


def factor_divided(factors: Sequence[float]) -> Note:
    """Return that sums were divided by their factors."""
    by = f"{min(factors):.6g}" if len(set(factors)) == 1 else f"up to {max(factors):.6g}"
    return Note("CV001", "", f"divided mean and variance of {_layers(len(factors))} by {by}")


def never_trained(layers: Sequence[str]) -> Note:
    """Return that statistics are those of a net that never ran."""
    return Note("", "", f"never trained, mean and variance are 0: {first_of(layers)}")


def statistics_unsound(layers: Sequence[str]) -> Note:
    """Return that statistics are no numbers that a mean and a variance can be."""
    return Note(
        "",
        "",
        f"NaN, infinite or negative statistics, kept as they are: {first_of(layers)}"
        " (protolint check says more)",
    )


def blobs_recoded(form: str, count: int) -> Note:
    """Return how many blobs are stored in another form, as "A as B"."""
    return Note("", "", f"{count} blobs of other layers from {form.replace(' as ', ' to ')}")


def fields_dropped(target: str, counts: Sequence[tuple[str, int]]) -> Note:
    """Return which fields of a file the target would misread."""
    listed = ", ".join(f"{name} ({count}x)" for name, count in counts)
    return Note("", "", f"left out, as {target} reads something else or nothing there: {listed}")


def fields_renumbered(counts: Sequence[tuple[str, int]]) -> Note:
    """Return which fields of a file have another number in the target."""
    listed = ", ".join(f"{name} ({count}x)" for name, count in counts)
    return Note("", "", f"moved to the target's field number: {listed}")


def not_in_file(layers: Sequence[str]) -> Note:
    """Return which BatchNorms of a net have no weights."""
    return Note("", "", f"not in the file, so not converted: {first_of(layers)}")


def scale_missing(layer: str, scale: str) -> Note:
    """Return that the Scale layer of a BatchNorm has no weights."""
    text = f"Scale '{scale}' is not in the file; gamma is taken as 1 and beta as 0"
    return Note("", layer, text)


def scale_found(layer: str, stored: str, name: str) -> Note:
    """Return that a Scale layer of the file has another name in the net."""
    text = f"'{stored}' of the weights is its gamma and beta, and is '{name}' in the net"
    return Note("", layer, text)


def scale_found_apart(layer: str, stored: str) -> Note:
    """Return that a Scale layer of the file is inside the BatchNorm in the net."""
    text = f"'{stored}' of the weights is its gamma and beta, which the net has in the BatchNorm"
    return Note("", layer, text)


def affine_found_inside(layer: str, scale: str) -> Note:
    """Return that the file has gamma and beta in the BatchNorm, the net in a Scale layer."""
    text = f"'{scale}' of the net is its gamma and beta, which the weights have in the BatchNorm"
    return Note("", layer, text)


def pair_gap(message: str) -> Note:
    """Return what stands between a net and its weights, which are converted as they are."""
    return Note("", "", f"net and weights are not one model: {message}")


def scale_filled(layer: str, scale: str) -> Note:
    """Return that a Scale layer without weights gets those that its fillers would make."""
    return Note("", layer, f"Scale '{scale}' is not in the weights; it is written as 1 and 0")


def order_of_015(layer: str, layout: str) -> Note:
    """Return that blobs are written as the target's reader puts them right."""
    return Note(
        "",
        layer,
        f"{layout} of one channel would be scrambled when it is loaded, so its blobs are written"
        " in the order of 0.15",
    )


def eps_of_prototxt(layer: str, in_file: float, in_net: float) -> Note:
    """Return that file and prototxt have another eps."""
    text = f"eps is {in_file:.6g} in the file and {in_net:.6g} in the prototxt, which counts"
    return Note("", layer, text)


def as_it_was(target: str) -> Note:
    """Return that a net is the very one it was made of."""
    return Note("", "", f"was converted from {target}, and is as it was there")


def foreign_layout(layer: str, layout: str, dialect: str) -> str:
    """Return that a pair cannot be run as it is, as its Caffe takes blobs for others."""
    return f"'{layer}' holds {layout}, which {dialect} would load as other numbers"


def stated_statistic(statistic: str) -> Note:
    """Return that a line of a net decides what the weights do not show."""
    return Note("", "", f"the second statistic is taken for a {statistic}, as the net says")


def resume_advised() -> Note:
    """Return that sums of factor 1 forget their past in training that goes on."""
    text = "training that goes on from the state soon forgets sums of factor 1; --resume gives them"
    return Note("", "", f"{text} the factor of a long run")


def written_for_cudnn(layer: str, target: str) -> Note:
    """Return that the engine changes though nobody asked for it."""
    return Note(
        "",
        layer,
        f"written for cuDNN, the engine of {target} unless the net or --engine names another; it"
        " was engine CAFFE that wrote the weights",
    )


# Of weights that are made to fit a net.


def not_in_net(net: str, layers: str) -> Note:
    """Return which layers of the weights the net lacks; `layers` is the list."""
    return Note("", "", f"not in {net}, so of no use there: {layers}")


def left_to_fillers(layers: str) -> Note:
    """Return which layers of the net the weights lack; `layers` is the list."""
    text = "not in the weights, so as the fillers of the net make them"
    return Note("", "", f"{text}: {layers}")


def other_name(layer: str, other: str) -> Note:
    """Return that a layer gets the name that the net has for it."""
    return Note("", layer, f"was '{other}', by its type, its shapes and its place")


def other_shapes(layer: str) -> Note:
    """Return that a layer gets the shapes of the net, and its values stay in their order."""
    return Note("", layer, "has other shapes and the same values in the same order")


def matched_by_place(layer: str, other: str, above: str) -> Note:
    """Return that two layers are one, as they follow the same layer."""
    return Note("", layer, f"has the weights of '{other}', which also follows '{above}'")


def matched_by_order(layer: str, other: str) -> Note:
    """Return that two layers are one, as both are next among those that were left."""
    return Note("", layer, f"has the weights of '{other}', the next in order that was left")
