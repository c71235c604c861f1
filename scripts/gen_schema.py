"""Compile ``proto/*.proto`` into the descriptor sets that protolint ships.

Every ``proto/<name>.proto`` becomes ``protolint/caffe/<name>.binpb``: a serialised
``FileDescriptorSet`` that holds one file and no comments. All of these files declare the package
``caffe``, so each is compiled alone, and protolint loads each into a descriptor pool of its own.

    python scripts/gen_schema.py            write the sets that changed
    python scripts/gen_schema.py --check    change nothing; exit 1 if a set is out of date

The committed sets are what users get: installing protolint needs no compiler. Only whoever edits a
``.proto`` file needs one: ``pip install 'protolint-caffe[proto]'``.

Sets are compared by what they say, not byte by byte, so that any release of protoc may be used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

REPO_ROOT = Path(__file__).resolve().parent.parent
PROTO_DIR = REPO_ROOT / "proto"
SCHEMA_DIR = REPO_ROOT / "protolint" / "caffe"

EXIT_OK, EXIT_OUT_OF_DATE, EXIT_ERROR = 0, 1, 2

# protobuf ships without type information, so its messages are Any to the type checker.
FileDescriptorSet: TypeAlias = Any


class SchemaError(Exception):
    """The sets cannot be compiled; the message says why, for people."""


def compile_proto(source: Path) -> FileDescriptorSet:
    """Compile one ``.proto`` file on its own.

    The file inside the set is named ``protolint/<name>.proto``, wherever the source lies.

    Args:
        source: The ``.proto`` file; it must not import another.

    Returns:
        A set of exactly one file.

    Raises:
        SchemaError: grpcio-tools is not installed, or protoc rejects the file.
    """
    if find_spec("grpc_tools") is None:
        raise SchemaError("protoc is not installed: pip install 'protolint-caffe[proto]'")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "set.binpb")
        protoc = subprocess.run(
            [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"--proto_path={source.parent}",
                f"--descriptor_set_out={output}",
                source.name,
            ],
            capture_output=True,
            check=False,
            text=True,
        )
        if protoc.returncode != 0:
            raise SchemaError(f"protoc rejects {source.name}:\n{protoc.stderr.rstrip()}")
        compiled = parse_set(output.read_bytes())
    (file,) = compiled.file
    file.name = f"protolint/{source.name}"
    return compiled


def parse_set(data: bytes) -> FileDescriptorSet:
    """Parse a serialised ``FileDescriptorSet``.

    Args:
        data: The content of a ``.binpb`` file.

    Returns:
        The set as a protobuf message.

    Raises:
        SchemaError: The bytes are not a descriptor set.
    """
    decode_error: type[Exception] = import_module("google.protobuf.message").DecodeError
    try:
        return import_module("google.protobuf.descriptor_pb2").FileDescriptorSet.FromString(data)
    except decode_error as error:
        raise SchemaError("not a descriptor set") from error


def compile_all(proto_dir: Path) -> dict[str, FileDescriptorSet]:
    """Compile every ``.proto`` file of a folder, in order of name.

    Args:
        proto_dir: The folder to read.

    Returns:
        The sets by the name of the file each belongs in, such as ``bvlc.binpb``.

    Raises:
        SchemaError: There is nothing to compile, or a file does not compile.
    """
    sources = sorted(proto_dir.glob("*.proto"))
    if not sources:
        raise SchemaError(f"no .proto files in {proto_dir}")
    return {f"{source.stem}.binpb": compile_proto(source) for source in sources}


def out_of_date(compiled: dict[str, FileDescriptorSet], schema_dir: Path) -> dict[str, str]:
    """Find the sets on disk that are not what compiling gives.

    Args:
        compiled: What :func:`compile_all` returned.
        schema_dir: The folder of the committed sets.

    Returns:
        File name and what is wrong with it, for each such file; empty if all is well.
    """
    found: dict[str, str] = {}
    for name, fresh in compiled.items():
        path = schema_dir / name
        if not path.is_file():
            found[name] = "is missing"
            continue
        try:
            committed = parse_set(path.read_bytes())
        except SchemaError as error:
            found[name] = f"is {error}"
            continue
        if committed != fresh:
            found[name] = "differs from its .proto file"
    for path in sorted(schema_dir.glob("*.binpb")):
        if path.name not in compiled:
            found[path.name] = "has no .proto file"
    return found


def write_sets(compiled: dict[str, FileDescriptorSet], schema_dir: Path) -> dict[str, str]:
    """Bring a folder up to date; files that already say the same are left as they are.

    Args:
        compiled: What :func:`compile_all` returned.
        schema_dir: The folder to write to; it is made if need be.

    Returns:
        File name and what was done to it, for each file that changed.
    """
    schema_dir.mkdir(parents=True, exist_ok=True)
    done: dict[str, str] = {}
    for name in out_of_date(compiled, schema_dir):
        path = schema_dir / name
        if name in compiled:
            path.write_bytes(compiled[name].SerializeToString(deterministic=True))
            done[name] = "written"
        else:
            path.unlink()
            done[name] = "removed, its .proto file is gone"
    return done


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; those of the process if not given.

    Returns:
        The exit code: 0 fine, 1 out of date (only with ``--check``), 2 nothing could be compiled.
    """
    parser = argparse.ArgumentParser(description="Compile proto/*.proto into protolint/caffe/.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; name the sets that are out of date and exit 1 if there are any",
    )
    arguments = parser.parse_args(argv)

    try:
        compiled = compile_all(PROTO_DIR)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return EXIT_ERROR

    if not arguments.check:
        done = write_sets(compiled, SCHEMA_DIR)
        for name, what in done.items():
            print(f"{name}: {what}")
        print(f"{len(compiled)} sets, {len(done)} changed")
        return EXIT_OK

    wrong = out_of_date(compiled, SCHEMA_DIR)
    for name, what in wrong.items():
        print(f"{name} {what}", file=sys.stderr)
    if wrong:
        print("to repair: python scripts/gen_schema.py", file=sys.stderr)
        return EXIT_OUT_OF_DATE
    print(f"{len(compiled)} sets are up to date")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
