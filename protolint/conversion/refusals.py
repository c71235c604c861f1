"""Every wording of the refusals of a net: in which layer, what is in the way, and what helps.

Those of a whole file are in file_refusals.
"""

from __future__ import annotations

from collections.abc import Sequence

from protolint.caffe.forks import FORK_LAYOUTS
from protolint.conversion.notes import first_of
from protolint.conversion.refusal import Refusal
from protolint.words import counted

#: The most fields that a setting is spelt out for.
_MOST_FIELDS = 6
_DROP_STATS = "--drop-global-stats leaves use_global_stats out"


def _any_of(option: str, names: Sequence[str]) -> str:
    return " or ".join(f"{option} {name}" for name in names)


def _setting(key: str, names: Sequence[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"--config '{key}=[{listed}]'"


def types_unknown(
    target: str, layers: Sequence[tuple[str, str]], others: Sequence[str], fields: Sequence[str]
) -> Refusal:
    """Return which layers the target has no type for.

    `others` are Caffes that have all, `fields` what these layers have and the target does not.
    """
    types = list(dict.fromkeys(kind for _, kind in layers))
    listed = ", ".join(f"'{kind}'" for kind in types)
    more = f" (and {len(layers) - 1} more layers)" if len(layers) > len(types) else ""
    own = _setting("layer-types", types) + (
        f" {_setting('extra-fields', fields)}" if fields else ""
    )
    advice = f"{own} if your own Caffe has {'it' if len(types) == 1 else 'them'}"
    if others:
        advice = f"{_any_of('--to', others)} has all types of the net; or {advice}"
    what = "type" if len(types) == 1 else "types"
    return Refusal(layers[0][0], f"{target} has no layer {what} {listed}{more}", advice)


def scales_unknown(target: str, names: Sequence[str]) -> Refusal:
    """Return that the target has no Scale layers for a gamma and beta."""
    more = f" (nor for {len(names) - 1} more)" if len(names) > 1 else ""
    evidence = f"{target} has no layer type 'Scale'{more}"
    advice = "--scale-as convolution puts convolutions in their place"
    return Refusal(names[0], evidence, advice)


def no_place(layer: str, stored: str) -> Refusal:
    """Return that the net has no place for a gamma and beta of the file."""
    where = f"in its Scale layer '{stored}'" if stored else "in the BatchNorm"
    return Refusal(
        layer,
        f"the weights have a gamma and beta {where}, and the net has no place for them",
        "put a Scale layer behind it (scale_bias: true where that is known), or convert the"
        " weights without the net",
    )


def fork_norm(layer: str, evidence: str) -> Refusal:
    """Return that the nets of a fork with a BatchNorm of its own are not converted."""
    first, *others = FORK_LAYOUTS
    advice = f"write it as BatchNorm and Scale, and convert the weights alone with --from {first}"
    return Refusal(layer, evidence, f"{advice} (or {', '.join(others)})")


def nothing_between(scales: Sequence[str]) -> Refusal:
    """Return that a file does not say which BatchNorm a Scale layer follows."""
    evidence = f"{first_of(scales)}: the file has neither bottoms nor tops, and which BatchNorm it"
    return Refusal("", f"{evidence} follows is open", "give the net's prototxt too")


def scales_in_hdf5(layer: str, names: Sequence[str]) -> Refusal:
    """Return that an HDF5 file may have several gammas for one BatchNorm."""
    evidence = f"{first_of(names)} of the weights may be its gamma and beta; HDF5 does not say"
    advice = "give the net that was trained, and this one as --like"
    return Refusal(layer, f"{evidence} which Scale layer follows which BatchNorm", advice)


def two_holders(layer: str, first: str, second: str) -> Refusal:
    """Return that two Scale layers of a file may be the gamma and beta of one BatchNorm."""
    evidence = f"the weights have two Scale layers for it, '{first}' by the net and '{second}'"
    advice = f"convert the weights without the net if '{second}' is it"
    return Refusal(layer, f"{evidence} by their own order", advice)


def filled_otherwise(layer: str, scale: str) -> Refusal:
    """Return that a Scale layer without weights starts with what cannot be written."""
    evidence = f"Scale '{scale}' is not in the weights, and its fillers are not 1 and 0"
    return Refusal(layer, evidence, "--keep-scale leaves it a layer of its own")


# Of text.


def syntax(evidence: str) -> Refusal:
    """Return that a text is broken."""
    return Refusal("", evidence, "mend the syntax first (protolint check)")


def misfit(layer: str, evidence: str, readers: Sequence[str], fields: Sequence[str]) -> Refusal:
    """Return that the Caffe of a text does not take a field of it.

    `readers` are Caffes that take all; `fields` are all that it does not know, as Message.field,
    none where something else than a name is wrong.
    """
    if readers:
        return Refusal(layer, evidence, f"{_any_of('--from', readers)} reads it")
    if not fields:
        advice = "no Caffe here reads it; protolint check shows what to mend"
    elif len(fields) > _MOST_FIELDS:
        advice = (
            f"no Caffe here reads this and {len(fields) - 1} more fields; if your own does, list"
            " them as extra-fields in protolint.toml (protolint check names them)"
        )
    else:
        advice = f"no Caffe here reads it; if your own does, {_setting('extra-fields', fields)}"
    return Refusal(layer, evidence, advice)


def one_list() -> Refusal:
    """Return that the layers of a net are one list."""
    evidence = "its layers are one list, as in layer: [{ }, { }]"
    return Refusal("", evidence, "write each as a layer { } of its own")


def no_solver(target: str, kind: str, others: Sequence[str]) -> Refusal:
    """Return that the target has no such solver; `others` are Caffes that have it."""
    advice = f"{_any_of('--to', others)} has it; or " if others else ""
    evidence = f"{target} has no solver of type '{kind}'"
    return Refusal("", evidence, f"{advice}name another type in the solver")


def no_counterpart(layer: str, path: str, target: str, setting: str = "") -> Refusal:
    """Return that the target has not a field, or not its value; the rest is as in Foreign."""
    field = path.rpartition(".")[2].partition(":")[0]
    evidence = f"'{path}' has no counterpart in {target}"
    advice = f"--drop-field {field} leaves it out"
    if setting:
        advice += f", {_setting('extra-fields', [setting])} keeps it if your own Caffe has it"
    return Refusal(layer, evidence, advice)


def inputs_inside_solver(target: str) -> Refusal:
    """Return that the target reads no inputs of an inline net."""
    evidence = f"{target} reads no inputs of a net that stands inside a solver"
    return Refusal("", evidence, "put the net into a file of its own")


def inputs_without_shape(target: str) -> Refusal:
    """Return that the inputs of a net have no shape."""
    evidence = f"the inputs have no shape, and {target} needs one for each"
    return Refusal("", evidence, "give each an input_shape { dim: ... }")


def inputs_twice(target: str) -> Refusal:
    """Return that both fields for shapes are given."""
    evidence = f"input_dim and input_shape are both given, which {target} refuses"
    return Refusal("", evidence, "leave one of them out")


def input_of_a_phase(layer: str, target: str) -> Refusal:
    """Return that an Input layer is not in every phase."""
    evidence = f"{target} has inputs in every phase, not in some"
    return Refusal(layer, evidence, "convert a net of one phase, as protolint deploy makes one")


def input_shapes(layer: str, target: str) -> Refusal:
    """Return that an Input layer has too few shapes."""
    evidence = f"{target} needs a shape for each input"
    return Refusal(layer, evidence, "give input_param one shape, or one for each top")


def input_fields_mixed(layer: str, target: str) -> Refusal:
    """Return that an Input layer stands beside input_dim."""
    evidence = f"{target} takes input_shape or input_dim, not both"
    return Refusal(layer, evidence, "write input_shape in place of input_dim (protolint upgrade)")


def not_built(layer: str, target: str, fault: str) -> Refusal:
    """Return that the target does not build a net that its own Caffe builds."""
    evidence = f"{target} does not build the net: {fault}"
    return Refusal(layer, evidence, f"protolint check --target {target} shows where")


def new_error(layer: str, message: str, code: str) -> Refusal:
    """Return that a converted text has an error that its source has not; names the layer once."""
    place = "" if layer in message else layer
    return Refusal(place, message, f"protolint rule {code} explains it")


def unreadable(layer: str, target: str, reason: str) -> Refusal:
    """Return that the target's parser would not take a converted text."""
    evidence = f"the result would not be text that {target} reads ({reason}); please report"
    return Refusal(layer, evidence)


# Of one BatchNorm.


def not_one_blob(layer: str, bottoms: int, tops: int) -> Refusal:
    """Return that a BatchNorm has not one bottom and one top."""
    ends = f"{counted(bottoms, 'bottom')} and {counted(tops, 'top')}"
    return Refusal(layer, f"a BatchNorm with {ends}", "give it one of each, as every Caffe asks")


def weights_in_text(layer: str) -> Refusal:
    """Return that a prototxt has blobs."""
    evidence = "the net carries its weights in the text"
    return Refusal(layer, evidence, "take the blobs out, and give the weights as a caffemodel")


def two_at_once(layer: str, state: str) -> Refusal:
    """Return that two BatchNorms of one name are active in one state."""
    evidence = f"two BatchNorm layers of this name are active in {state}"
    return Refusal(layer, f"{evidence}, and weights go by the name", "give one another name")


def variants_differ(layer: str, what: str) -> Refusal:
    """Return that the phase variants of a BatchNorm are not one layer."""
    advice = "one layer of the weights serves both: write the same in both"
    return Refusal(layer, f"its phase variants differ in {what}", advice)


def not_renamed(layer: str, target: str) -> Refusal:
    """Return that a layer in place cannot write to a blob of its own."""
    evidence = f"it has to write to a blob of its own in {target}, and another phase feeds the"
    advice = "give it a top of its own in the net first"
    return Refusal(layer, f"{evidence} layers below from elsewhere", advice)


def convolution_axes(layer: str, axes: int) -> Refusal:
    """Return that a convolution cannot follow."""
    evidence = f"its bottom has {axes} axes, and a convolution needs 4"
    return Refusal(layer, evidence, "--engine CUDNN has a place for gamma and beta")


def convolution_channels(layer: str) -> Refusal:
    """Return that nobody knows the channels of a convolution."""
    evidence = "a convolution has to say how many channels there are, and the net does not"
    return Refusal(layer, evidence, "give the weights too")


def axes(layer: str, has: int, target: str, wanted: str, switch: str) -> Refusal:
    """Return that the target wants another number of axes."""
    words = "1 axis" if has == 1 else f"{has} axes"
    return Refusal(layer, f"its bottom has {words}, and {target} needs {wanted}", switch)


def never_stored(layer: str, setting: str, target: str) -> Refusal:
    """Return that the target has no way to use batch statistics in TEST."""
    evidence = f"{setting} has no counterpart in {target}"
    return Refusal(layer, evidence, f"it is rarely meant (BN012); {_DROP_STATS}")


def not_frozen(layer: str, setting: str, target: str) -> Refusal:
    """Return that the target does not freeze, and has no Scale layer to do it."""
    evidence = f"{setting} does not freeze cuDNN BatchNorm in {target}"
    return Refusal(layer, evidence, f"--engine CAFFE obeys it, {_DROP_STATS}")


def no_affine(layer: str, target: str) -> Refusal:
    """Return that the target has no place for a gamma and beta."""
    evidence = f"gamma and beta have no place in {target} on engine CAFFE"
    return Refusal(layer, evidence, "--engine CUDNN has one, --scale-as convolution makes one")
