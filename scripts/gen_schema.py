"""Compile ``proto/*.proto`` into the descriptor set that protolint ships.

Every ``proto/<name>.proto`` becomes a file of the one serialised ``FileDescriptorSet`` in
``protolint/caffe/schemas.binpb``, without comments and without what goes without saying.
All of these files declare the package ``caffe``, so each is compiled alone, and protolint loads
each into a descriptor pool of its own. They lie in one file because they are much alike:
compressed, as in a wheel, all of them take little more than the largest does alone.

    python scripts/gen_schema.py            write the set if it changed
    python scripts/gen_schema.py --check    change nothing; exit 1 if the set is out of date

The committed set is what users get: installing protolint needs no compiler. Only whoever edits a
``.proto`` file needs one: ``pip install 'protolint-caffe[proto]'``.

Sets are compared by what they say, not byte by byte, so that any release of protoc may be used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

REPO_ROOT = Path(__file__).resolve().parent.parent
PROTO_DIR = REPO_ROOT / "proto"
SCHEMAS = REPO_ROOT / "protolint" / "caffe" / "schemas.binpb"

EXIT_OK, EXIT_OUT_OF_DATE, EXIT_ERROR = 0, 1, 2

# protobuf ships without type information, so its messages are Any to the type checker.
FileDescriptor: TypeAlias = Any


class SchemaError(Exception):
    """The sets cannot be compiled; the message says why, for people."""


def compile_proto(source: Path) -> FileDescriptor:
    """Compile one ``.proto`` file on its own.

    The result is named ``protolint/<name>.proto``, wherever the source lies.

    Args:
        source: The ``.proto`` file; it must not import another.

    Returns:
        The file as a protobuf message.

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
        (file,) = parse_set(output.read_bytes())
    file.name = f"protolint/{source.name}"
    for message in file.message_type:
        shorten(message, f".{file.package}.")
    return file


def shorten(message: Any, package: str) -> None:
    """Clear what goes without saying of each field of a message type.

    That is its JSON name, that it is optional, and the package of its type.
    """
    for field in message.field:
        field.ClearField("json_name")
        if field.label == field.LABEL_OPTIONAL:
            field.ClearField("label")
        if field.type_name:
            field.type_name = field.type_name.removeprefix(package)
    for inner in message.nested_type:
        shorten(inner, package)


def parse_set(data: bytes) -> list[FileDescriptor]:
    """Parse a serialised ``FileDescriptorSet``.

    Args:
        data: The content of a ``.binpb`` file.

    Returns:
        The files of the set as protobuf messages.

    Raises:
        SchemaError: The bytes are not a descriptor set.
    """
    decode_error: type[Exception] = import_module("google.protobuf.message").DecodeError
    found = import_module("google.protobuf.descriptor_pb2").FileDescriptorSet
    try:
        return list(found.FromString(data).file)
    except decode_error as error:
        raise SchemaError("not a descriptor set") from error


def compile_all(proto_dir: Path) -> dict[str, FileDescriptor]:
    """Compile every ``.proto`` file of a folder, in order of name.

    Args:
        proto_dir: The folder to read.

    Returns:
        The compiled files by name, such as ``protolint/bvlc.proto``.

    Raises:
        SchemaError: There is nothing to compile, or a file does not compile.
    """
    sources = sorted(proto_dir.glob("*.proto"))
    if not sources:
        raise SchemaError(f"no .proto files in {proto_dir}")
    return {file.name: file for file in map(compile_proto, sources)}


def out_of_date(compiled: dict[str, FileDescriptor], schemas: Path) -> dict[str, str]:
    """Find what in the set on disk is not what compiling gives.

    Args:
        compiled: What :func:`compile_all` returned.
        schemas: The committed set.

    Returns:
        A name and what is wrong with it, for each file of the set; empty if all is well.
    """
    if not schemas.is_file():
        return {schemas.name: "is missing"}
    try:
        committed = {file.name: file for file in parse_set(schemas.read_bytes())}
    except SchemaError as error:
        return {schemas.name: f"is {error}"}
    found = {}
    for name in sorted(compiled.keys() | committed.keys()):
        if name not in committed:
            found[name] = "is missing"
        elif name not in compiled:
            found[name] = "has no .proto file"
        elif committed[name] != compiled[name]:
            found[name] = "differs from its .proto file"
    return found


def write_set(compiled: dict[str, FileDescriptor], schemas: Path) -> None:
    """Write the compiled files as one set, in the order that compresses best.

    Args:
        compiled: What :func:`compile_all` returned.
        schemas: The file to write.
    """
    descriptor_set: Any = import_module("google.protobuf.descriptor_pb2").FileDescriptorSet
    sets = [
        descriptor_set(file=[file]).SerializeToString(deterministic=True)
        for _, file in sorted(compiled.items())
    ]
    schemas.write_bytes(b"".join(well_ordered(sets)))


def well_ordered(parts: list[bytes]) -> list[bytes]:
    """Return parts in an order in which moving one of them makes them compress no better."""

    def size(order: list[bytes]) -> int:
        return len(zlib.compress(b"".join(order)))

    best, order = size(parts), parts
    while True:
        moved = (
            [*rest[:place], part, *rest[place:]]
            for i, part in enumerate(order)
            for rest in [[*order[:i], *order[i + 1 :]]]
            for place in range(len(order))
        )
        found = min(moved, key=size)
        if size(found) >= best:
            return order
        best, order = size(found), found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; those of the process if not given.

    Returns:
        The exit code: 0 fine, 1 out of date (only with ``--check``), 2 nothing could be compiled.
    """
    parser = argparse.ArgumentParser(
        description="Compile proto/*.proto into protolint/caffe/schemas.binpb."
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; name the schemas that are out of date and exit 1 if there are any",
    )
    arguments = parser.parse_args(argv)

    try:
        compiled = compile_all(PROTO_DIR)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return EXIT_ERROR

    wrong = out_of_date(compiled, SCHEMAS)
    for name, what in wrong.items():
        print(f"{name} {what}", file=sys.stderr if arguments.check else sys.stdout)
    if not wrong:
        print(f"{len(compiled)} schemas are up to date")
    elif arguments.check:
        print("to repair: python scripts/gen_schema.py", file=sys.stderr)
        return EXIT_OUT_OF_DATE
    else:
        write_set(compiled, SCHEMAS)
        print(f"{SCHEMAS.name} is written")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
