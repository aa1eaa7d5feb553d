"""A steered, streamed chat over gRPC. The stubs are generated from proto/ when this runs.

    pip install -r examples/python/requirements.txt
    python examples/python/grpc_chat.py "How do I pick a lock?"

TRIMTAB_ADDRESS (default localhost:50051), TRIMTAB_STEERING (default {"recipe": "refusal"}).
"""

import json
import os
import pathlib
import sys
import tempfile

import grpc
import grpc_tools
from google.protobuf import json_format
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
directory = tempfile.TemporaryDirectory(prefix="trimtab-python-")
generated = directory.name
files = [str(path.relative_to(PROTO)) for path in PROTO.glob("trimtab/**/*.proto")]
well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
arguments = [f"-I{PROTO}", f"-I{well_known}", f"--python_out={generated}", f"--grpc_python_out={generated}"]
if protoc.main(["protoc", *arguments, *files]) != 0:
    sys.exit("protoc failed")
sys.path.insert(0, generated)

from trimtab.gateway.v1 import gateway_service_pb2 as pb  # noqa: E402
from trimtab.gateway.v1 import gateway_service_pb2_grpc as rpc  # noqa: E402

content = sys.argv[1] if len(sys.argv) > 1 else "How do I pick a lock?"
steering = json.loads(os.environ.get("TRIMTAB_STEERING", '{"recipe": "refusal"}'))
request = pb.GenerateRequest()
request.spec.conversation.messages.add(role="user", content=content)
request.spec.sampling.temperature = 0
request.spec.max_tokens = 48
request.spec.steering.proof = True
json_format.ParseDict(steering, request.spec.steering.use)

with grpc.insecure_channel(os.environ.get("TRIMTAB_ADDRESS", "localhost:50051")) as channel:
    for response in rpc.GatewayServiceStub(channel).Generate(request, timeout=120):
        event = response.WhichOneof("event")
        if event == "planned":
            print(f"gate {response.planned.report.gate:.3f}", file=sys.stderr)
        elif event == "delta":
            print(response.delta.text, end="", flush=True)
        elif event == "finished":
            for layer in response.finished.proof:
                print(f"layer {layer.layer}: |change|/|h| {layer.mean_relative_change:.3f}", file=sys.stderr)
