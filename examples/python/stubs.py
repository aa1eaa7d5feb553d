"""Generates the stubs with grpcio-tools from the schema of this repository and makes them importable: `import stubs` first."""

import importlib.resources
import pathlib
import sys
import tempfile

from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
directory = tempfile.TemporaryDirectory(prefix="trimtab-python-")
well_known = importlib.resources.files("grpc_tools") / "_proto"
outputs = [f"--python_out={directory.name}", f"--grpc_python_out={directory.name}"]
files = [str(path.relative_to(PROTO)) for path in PROTO.glob("trimtab/**/*.proto")]
if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *files]) != 0:
    sys.exit("protoc failed")
sys.path.insert(0, directory.name)
