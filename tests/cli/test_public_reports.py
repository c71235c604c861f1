"""Public reports about a net with its weights: what the command line makes of each.

The files lie beside the project, each with the right answer, which real builds gave.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.weights.index import index_file
from tests.conftest import SHARED

from .command import Done, run

CASES = SHARED / "cases" / "more"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


def case(number: int) -> Path:
    """The folder of a report."""
    (folder,) = CASES.glob(f"{number:02}-*")
    return folder


def codes(done: Done) -> list[str]:
    """The codes of findings in the concise format, in order."""
    return [
        word for line in done.stdout.splitlines() for word in line.split() if word[2:].isdigit()
    ]


def check(*arguments: str | Path) -> Done:
    return run("check", "--isolated", "--output-format", "concise", *arguments)


def test_09_a_type_of_ristretto_is_not_intels() -> None:
    done = check(case(9) / "quantized.prototxt")
    assert codes(done) == ["PT005", "PT005"]
    assert "Ristretto (pmgysel/caffe)" in done.stdout
    assert "Intel" not in done.stdout


def test_10_memory_data_becomes_an_input(tmp_path: Path) -> None:
    net, weights = case(10) / "deploy.prototxt", case(10) / "weights.caffemodel"
    done = run("deploy", net, weights, "-o", f"{tmp_path}/")
    assert done.returncode == 0
    assert "'photo' is no longer prepared by 'photo'" in done.stderr
    assert "mean_value 104, 110, 121" in done.stderr
    made = (tmp_path / "deploy.prototxt").read_text().splitlines()
    right = (case(10) / "right.prototxt").read_text().splitlines()
    assert [a for a, b in zip(made, right, strict=True) if a != b] == [
        right[1].replace('name: "photo"', 'name: "input"')
    ]
    images = np.random.default_rng(1).standard_normal((1, 3, 48, 48)).astype(np.float32)
    first = protolint.run(tmp_path / "deploy.prototxt", tmp_path / weights.name, data=images)
    second = protolint.run(case(10) / "right.prototxt", weights, data=images)
    assert all(np.array_equal(first[name], second[name]) for name in second)


def test_11_a_size_that_no_file_has_is_asked_for(tmp_path: Path) -> None:
    files = (case(11) / "train_test.prototxt", case(11) / "weights.caffemodel")
    done = run("deploy", *files, "-o", f"{tmp_path}/")
    assert done.returncode == 2
    assert (
        "'stamp' is not known (1x1x?x?), and the weights fit a square of 25 to 28 pixels each way;"
        " say it, as in --input-shape stamp=1,1,25,25"
    ) in done.stderr
    assert not list(tmp_path.iterdir())
    done = run("deploy", *files, "-o", f"{tmp_path}/", "--input-shape", "stamp=1x1x26x26")
    assert done.returncode == 0
    assert "'stamp' is no longer prepared by 'stamps': scale 0.0078125" in done.stderr
    image = np.random.default_rng(1).standard_normal((1, 1, 26, 26)).astype(np.float32)
    first = protolint.run(tmp_path / "train_test.prototxt", files[1], data=image)
    second = protolint.run(case(11) / "right_26x26.prototxt", files[1], data=image)
    last = list(second)[-1]
    assert np.array_equal(list(first.values())[-1], second[last])


def test_14_folded_and_not_folded(tmp_path: Path) -> None:
    folder = case(14)
    folded, whole = folder / "deploy_folded.prototxt", folder / "deploy_unfolded.prototxt"
    trained, right = folder / "trained.caffemodel", folder / "right_folded.caffemodel"
    for net, weights, word in (
        (folded, trained, "the net is folded and the weights are not"),
        (whole, right, "the weights are folded and the net is not"),
    ):
        done = check("--weights", weights, net)
        assert codes(done) == ["WT004"]
        assert word in done.stdout
        assert "protolint deploy --fold" in done.stdout
        made = tmp_path / "made"
        for verb in (
            ("deploy", net, weights, "-o", f"{tmp_path}/"),
            ("run", net, weights),
            ("compare", net, weights, net, weights),
            ("convert", "--to", "bvlc", "--like", net, weights, "-o", made),
            ("convert", "--fold", "--to", "bvlc", net, weights, "-o", f"{tmp_path}/"),
            ("recalibrate", net, weights, "--data", "x.npy", "-o", made),
        ):
            done = run(*verb)
            assert (done.returncode, word in done.stderr) == (2, True), verb
        with pytest.raises(protolint.PairError, match=word):
            protolint.run(net, weights)
    assert not list(tmp_path.iterdir())
    assert run("deploy", "--fold", whole, trained, "-o", f"{tmp_path}/").returncode == 0
    found = protolint.compare(folded, folded, [tmp_path / trained.name, right])
    assert found.equal, str(found)


def test_15_a_pair_without_a_convolution_above_is_left(tmp_path: Path) -> None:
    net, weights = case(15) / "net.prototxt", case(15) / "weights.caffemodel"
    done = run("deploy", "--fold", net, weights, "-o", f"{tmp_path}/")
    assert done.returncode == 0
    for name in ("b2_bn", "leaf_bn", "end_bn"):
        assert f"'{name}' is not folded" in done.stderr
    found = protolint.compare(
        tmp_path / net.name,
        case(15) / "right.prototxt",
        [tmp_path / weights.name, case(15) / "right.caffemodel"],
    )
    assert found.equal, str(found)


def test_16_weights_of_v1_lose_their_bare_input(tmp_path: Path) -> None:
    models = [case(16) / f"weights_v1{end}.caffemodel" for end in ("", "_no_input")]
    net = case(16) / "deploy_v1.prototxt"
    assert run("upgrade", net, *models, "-o", f"{tmp_path}/").returncode == 0
    made = [tmp_path / model.name for model in models]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert "Input" not in {layer.type for layer in index_file(str(made[0])).layers}
    found = protolint.compare(tmp_path / net.name, case(16) / "right.prototxt", made)
    assert found.equal, str(found)


def test_18_two_solver_types_lose_the_old_one() -> None:
    done = check(case(18) / "solver.prototxt", "--diff", "--fix")
    assert "-solver_type: ADAM" in done.stdout
    done = run("upgrade", case(18) / "old_enum_only.prototxt", "-o", "-")
    assert 'type: "Adam"' in done.stdout
    assert "solver_type" not in done.stdout


def test_19_old_sizes_are_compared_from_the_end(tmp_path: Path) -> None:
    net = case(19) / "net.prototxt"
    sound, refused = case(19) / "a_loads.caffemodel", case(19) / "b_refused.caffemodel"
    assert codes(check("--weights", sound, net)) == []
    assert codes(check("--weights", refused, net)) == ["WT005", "WT005"]
    made = tmp_path / "made.caffemodel"
    assert run("convert", "--to", "bvlc", "--like", net, refused, "-o", made).returncode == 0
    assert codes(check("--weights", made, net)) == []
    found = protolint.compare(net, net, [made, sound])
    assert found.equal, str(found)


def test_24_a_renamed_layer_gets_its_name(tmp_path: Path) -> None:
    net, weights = case(24) / "deploy.prototxt", case(24) / "weights.caffemodel"
    done = check("--weights", weights, net)
    assert codes(done) == ["WT013"]
    assert "error WT013" in done.stdout
    assert "it is 'y_fc2_club' there" in done.stdout
    made = tmp_path / "made.caffemodel"
    done = run("convert", "--to", "bvlc", "--like", net, weights, "-o", made)
    assert "was 'y_fc2_club'" in done.stdout
    assert made.read_bytes() == (case(24) / "right.caffemodel").read_bytes()


def test_25_old_fields_in_a_new_layer_become_param_blocks(tmp_path: Path) -> None:
    net = tmp_path / "deploy.prototxt"
    net.write_bytes((case(25) / "deploy.prototxt").read_bytes())
    assert codes(check(net, "--target", "bvlc")) == ["PT002"] * 4
    run("check", "--isolated", "--fix", "--target", "bvlc", net)
    assert "".join(net.read_text().split()) == "".join(
        (case(25) / "right.prototxt").read_text().split()
    )


def test_26_an_inner_product_becomes_a_convolution_by_its_shape(tmp_path: Path) -> None:
    net, weights = case(26) / "fully_convolutional.prototxt", case(26) / "weights.caffemodel"
    done = check("--weights", weights, net)
    assert codes(done) == ["WT005"]
    assert "as many values in the same order; reshape them" in done.stdout
    assert "rename" not in done.stdout
    made = tmp_path / "made.caffemodel"
    assert run("convert", "--to", "bvlc", "--like", net, weights, "-o", made).returncode == 0
    found = protolint.compare(net, net, [made, case(26) / "right.caffemodel"])
    assert found.equal, str(found)


def test_a_concat_in_place_builds_on_one_caffe_and_not_on_the_other(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'input: "x" input_shape { dim: [1, 3, 4, 4] }\n'
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param {'
        " num_output: 4 kernel_size: 1 } }\n"
        'layer { name: "cat" type: "Concat" bottom: "c" top: "c" }\n'
    )
    assert "It builds in" in check(net, "--target", "nvidia-0.15").stdout
    done = run("convert", "--from", "nvidia-0.15", "--to", "nvidia-0.17", net, "-o", tmp_path / "m")
    assert done.returncode == 2
    assert "'cat': nvidia-0.17 does not build the net" in done.stderr
