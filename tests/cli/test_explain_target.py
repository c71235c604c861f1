"""--explain-target prints what in a file points to which Caffe."""

from __future__ import annotations

from pathlib import Path

from .command import run, write

CONV = """\
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 2 kernel_size: 1 } }
"""
NORM = 'layer { name: "b" type: "BatchNorm" bottom: "c" top: "b"%s }\n'
DATA = 'layer { name: "d" type: "Data" top: "x" data_param { source: "x" } }\n'
FILLERS = "\n  batch_norm_param { scale_filler { value: 1 } }"


def test_the_evidence_is_shown_clue_by_clue(tmp_path: Path) -> None:
    write(tmp_path, "train_val.prototxt", DATA + CONV + NORM % FILLERS)
    write(tmp_path, "deploy.prototxt", 'input: "x" input_dim: [1, 1, 1, 1]\n' + CONV + NORM % "")
    done = run("check", "--isolated", "--explain-target", "deploy.prototxt", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == (
        "deploy.prototxt: bvlc, nothing in the file points to another\n"
        "  nothing in it points to one Caffe; bvlc is the default\n"
    )
    done = run("check", "--isolated", "--explain-target", ".", cwd=tmp_path)
    beside = "line 5 of train_val.prototxt"
    assert f"deploy.prototxt: nvidia-0.15, from scale_filler at {beside}\n" in done.stdout
    assert (
        "  field 'scale_filler' (train_val.prototxt, line 5): for nvidia-0.17, nvidia-0.16, "
        "nvidia-0.15 and nvidia-0.14, against bvlc, ssd and intel\n"
    ) in done.stdout


def test_a_fork_is_named_for_what_no_target_knows(tmp_path: Path) -> None:
    text = 'layer { name: "b" type: "BN" bottom: "x" top: "y" bn_param { frozen: true } }\n'
    write(tmp_path, "net.prototxt", text)
    done = run("show", "--isolated", "--explain-target", "net.prototxt", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == (
        "net.prototxt: bvlc, the nearest to the Caffe of TSN, whose type BN is at line 1\n"
        "  not known to bvlc: type BN (line 1): for SegNet (alexgkendall/caffe-segnet), "
        "ENet (TimoSaemann/caffe-enet) and TSN (yjxiong/caffe)\n"
        "  not known to bvlc: field 'bn_param' (line 1): for TSN (yjxiong/caffe), "
        "Cysu (Cysu/caffe) and PSPNet (hszhao/PSPNet)\n"
    )


def test_a_given_target_needs_no_evidence(tmp_path: Path) -> None:
    write(tmp_path, "net.prototxt", CONV)
    done = run("check", "--target", "ssd", "--explain-target", "net.prototxt", cwd=tmp_path)
    assert done.stdout == "net.prototxt: ssd, as asked\n"


def test_a_file_that_cannot_be_read_is_named_and_the_others_explained(tmp_path: Path) -> None:
    write(tmp_path, "net.prototxt", CONV)
    done = run("check", "--explain-target", "none.prototxt", "net.prototxt", cwd=tmp_path)
    assert done.returncode == 2
    assert "none.prototxt" in done.stderr
    assert "net.prototxt: bvlc" in done.stdout
