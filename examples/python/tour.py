"""Chat, search, a typed error and a deadline with grpcio. TRIMTAB_ADDRESS: host:port of the server, default localhost:50051.

    pip install -r examples/python/requirements.txt
    python examples/python/tour.py
"""

import os

import grpc
import stubs  # noqa: F401
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from trimtab.gateway.v1 import gateway_service_pb2 as pb
from trimtab.gateway.v1 import gateway_service_pb2_grpc as rpc


def ask(content, max_tokens, temperature):
    spec = pb.GenerationSpec(max_tokens=max_tokens)
    spec.conversation.messages.add(role="user", content=content)
    spec.sampling.temperature = temperature
    spec.sampling.seed = 0
    return spec


def main(client):
    positive, negative = ["I love this wonderful day!"], ["I hate this awful day."]
    client.ExtractVector(pb.ExtractVectorRequest(name="cheerful", positive=positive, negative=negative))

    chat = ask("How was your day?", 32, 0)
    chat.steering.use.direction = "cheerful"
    chat.steering.use.dose.relative = 0.02
    for event in client.Generate(pb.GenerateRequest(spec=chat), timeout=120):
        print(event.delta.text, end="", flush=True)

    search = ask("What is 3 + 4?", 32, 0.5)
    search.scaling.strategy = "self-consistency"
    search.scaling.budget.candidates = 4
    best = client.Complete(pb.CompleteRequest(spec=search), timeout=120).search.answers[0]
    print(f"\nsearch: {best.answer} with {best.votes} votes")

    try:
        client.Complete(pb.CompleteRequest(spec=ask("Hello", 8, 9)))
    except grpc.RpcError as error:
        info = error_details_pb2.ErrorInfo()
        rpc_status.from_call(error).details[0].Unpack(info)
        print(f"error: {info.reason} in {info.metadata['field']}")

    try:
        client.Complete(pb.CompleteRequest(spec=ask("Tell me a long story.", 1000, 0)), timeout=0.1)
    except grpc.RpcError as error:
        print(f"deadline: {error.code().name}")


with grpc.insecure_channel(os.environ.get("TRIMTAB_ADDRESS", "localhost:50051")) as channel:
    main(rpc.GatewayServiceStub(channel))
