"""Every wording of the refusals of a whole file: what follows its name."""

from __future__ import annotations

from protolint.wire import WireError

_OWN_MODEL = "give the model that was saved with it"
_OWN_NAME = "give the layer another name there to start it with its fillers"


def of_no_kind(description: str) -> str:
    """Return that a file is of another kind than any that is converted."""
    return f"neither a prototxt nor weights, but {description}"


def empty() -> str:
    """Return that a text has no field."""
    return "holds no field: there is nothing to convert"


def other_text(*, labels: bool) -> str:
    """Return that a text is no net and no solver; `labels`: it is a label map."""
    what = "a label map" if labels else "neither a net nor a solver"
    return f"{what}; give a net's or a solver's prototxt, or weights"


def no_net_to_fit() -> str:
    """Return that the file of --like is no net."""
    return "is no net to fit weights to; give --like a net's prototxt"


# Of weights.


def damaged(error: WireError) -> str:
    """Return that the bytes of a file are no messages."""
    return (
        f"byte {error.offset}: {error}; the file is damaged: fetch it again, or use another"
        " snapshot"
    )


def damaged_blob(at: int, place: str, problem: str) -> str:
    """Return that a blob is damaged; `at` is its first byte."""
    return f"byte {at} ({place}): {problem}"


def history_gap() -> str:
    """Return that a solver state in HDF5 lacks a history blob."""
    return "a history blob is missing: the file is damaged; copy it again"


def no_net_in_hdf5() -> str:
    """Return that an HDF5 model was given in place of a net."""
    return "an HDF5 model, which holds no net; give its prototxt"


def no_net_inside(target: str) -> str:
    """Return that a model carries no net that a Caffe reads."""
    return f"holds no net that {target} reads; give its prototxt"


# Of solver states.


def model_missing(model: str) -> str:
    """Return that the model of a solver state is not given; `model` is its name, or ""."""
    return f"needs the model that was saved with it: give {model or 'the caffemodel'} too"


def layers_of_no_net() -> str:
    """Return that no prototxt has the layers of a solver state's model."""
    return "has layers that no prototxt has: give the training net's, for the solver state"


def other_history(at: int, has: int, needs: int) -> str:
    """Return that a history blob is not that of the model's blob."""
    text = f"history blob {at} has {has} values where the model's blob has {needs}"
    return f"{text}; {_OWN_MODEL}"


def history_count(has: int, learnable: int) -> str:
    """Return that a history has not one or two blobs for each that learns."""
    text = f"has {has} history blobs for the {learnable} learnable blobs of the model"
    return f"{text}; {_OWN_MODEL}"


# Of one BatchNorm.


def other_eps(layer: str, here: float, there: float, path: str) -> str:
    """Return that two nets give a BatchNorm of the weights another eps."""
    text = f"'{layer}' has eps {here:.6g} here and {there:.6g} in {path}"
    return (
        f"{text}: one file of weights fits one of them only; convert the nets one by one, or make"
        " them agree"
    )


def no_equivalent(layer: str, layout: str, reason: str, *, has_room: bool) -> str:
    """Return that a layer's numbers cannot be written in a layout; `has_room`: for another eps."""
    text = f"layer '{layer}' cannot become {layout}: {reason}"
    if has_room:
        return text
    return f"{text}; a net of the target with scale_bias: true there, given as --like, has room"


def not_positive() -> str:
    """Return that a variance and its eps have no inverse."""
    return "var + eps is not positive in some channel (protolint check)"


def no_gamma_for_each(scale: str) -> str:
    """Return that a Scale layer that stays cannot take in the gamma of the BatchNorm."""
    return f"its own gamma and beta have no place: Scale '{scale}' has no gamma for each channel"


def no_bias(scale: str) -> str:
    """Return that a Scale layer that stays cannot take in a beta."""
    text = f"Scale '{scale}' has no bias for the beta there is now"
    return f"{text}; give it bias_term: true in the net"


def other_sizes(scale: str, sizes: str, channels: int) -> str:
    """Return that the blobs of a Scale layer are not one value for each channel."""
    text = f"Scale '{scale}' has blobs of {sizes} values for {channels} channels"
    return f"{text}; --keep-scale leaves it a layer of its own"


def scale_name_taken(name: str) -> str:
    """Return that the name of a new Scale layer is that of another layer."""
    return f"the file has another layer '{name}'; give another --scale-name"


# Of HDF5, which has no layers but their blobs.


def layers_open() -> str:
    """Return that an HDF5 model was given without its net."""
    return "an HDF5 model does not say what its layers are: give the net's prototxt too"


def no_name_in_hdf5(name: str, like: str) -> str:
    """Return that HDF5 takes a layer's name for a path; `like` is the net that has it, or ""."""
    advice = "give another --scale-name, without '/'"
    if like:
        advice = f"rename it in {like}, or give a binary caffemodel"
    return f"'{name}' cannot be the name of a layer in HDF5; {advice}"


# Of weights that are to fit the net of --like, at `path`.


def kinless(path: str, first: str, wanted: str) -> str:
    """Return that no BatchNorm of the weights is one of the net that they are to fit."""
    text = f"no BatchNorm layer of it belongs to one of {path}: '{first}' and '{wanted}' have"
    return f"{text} neither name nor place in common; give the net that the weights are for too"


def other_channels(layer: str, has: int | None, path: str, name: str, needs: int | None) -> str:
    """Return that a BatchNorm of the weights has not the channels of the one it is to fit."""
    text = f"'{layer}' has {has} channels, '{name}' of {path} has {needs}"
    return f"{text}; give it and the layer above other names there to start both with fillers"


def no_layer_in_common(path: str) -> str:
    """Return that no layer of the weights is one of the net."""
    return f"none of its layers is in {path}: is that another net?"


def name_taken(layer: str, name: str, path: str) -> str:
    """Return that a layer of the weights has the name that another one is to get."""
    text = f"'{layer}' would have to give a layer the name '{name}', as in {path}, but another"
    return f"{text} layer has it; rename that one in the net first"


def folded(path: str, fault: str) -> str:
    """Return that the net or the weights are folded, and the other is not."""
    return f"does not fit {path}: {fault}"


def other_blobs(path: str, fault: str) -> str:
    """Return that a layer of the weights has not the blobs of the one it is to fit."""
    return f"does not fit {path}: {fault}; {_OWN_NAME}"


def no_gamma_there(layer: str, path: str, name: str, reason: str) -> str:
    """Return that the Scale layer of the net is not that of the weights."""
    text = f"'{layer}': the Scale layer behind '{name}' of {path} is not its gamma and beta"
    return f"{text}: {reason}; mend that Scale there"
