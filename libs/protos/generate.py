"""Generates Python, and the descriptors of everything, from the protos: `python libs/protos/generate.py FOLDER`.

`make proto` and the images' build run it with a Python that has `grpcio-tools` and `googleapis-common-protos`.
"""

import sys
import sysconfig
from pathlib import Path

from grpc_tools import protoc

# libs/protos/generate.py
PROTOS = Path(__file__).resolve().parents[2] / "proto"
LIBRARIES = Path(sysconfig.get_path("purelib"))


def main(folder: Path) -> int:
    """Writes into a folder that is there; returns what the process shall exit with."""
    return int(
        protoc.main(
            [
                "protoc",
                f"-I{PROTOS}",
                # Where Google's are, which ours import, and those of protobuf itself.
                *(f"-I{LIBRARIES}", f"-I{LIBRARIES / 'grpc_tools' / '_proto'}"),
                *(f"--python_out={folder}", f"--pyi_out={folder}"),
                *("--include_imports", "--include_source_info", f"--descriptor_set_out={folder / 'descriptors.binpb'}"),
                *(str(proto.relative_to(PROTOS)) for proto in sorted(PROTOS.rglob("*.proto"))),
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
