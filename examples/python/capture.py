"""Activations as numpy arrays over gRPC. Also a module for notebooks:

    pip install -r examples/python/requirements.txt
    >>> from capture import capture
    >>> capture("The capital of France is")["residual"].shape  # (blocks, tokens, width)

As a program it prints the mean norm of the residual stream of every block. TRIMTAB_ADDRESS (default localhost:50051).
"""

import os
import sys

import grpc
import numpy as np
import stubs  # noqa: F401
from trimtab.gateway.v1 import gateway_service_pb2 as pb
from trimtab.gateway.v1 import gateway_service_pb2_grpc as rpc
from trimtab.type.v1 import program_pb2 as program


def capture(text, sites=("residual",), layers=(), pooling="none", address=None):
    """Arrays by site, f32 [blocks, tokens, dim], or [blocks, dim] when pooled (mean, max_norm, last)."""
    request = pb.CaptureRequest(text=text)
    for site in sites:
        request.taps.add(
            site=program.Site.Value(f"SITE_{site.upper()}"),
            layers=layers,
            positions=program.TAP_POSITIONS_RANGE,
            pooling=program.Pooling.Value(f"POOLING_{pooling.upper()}"),
        )
    rows = [{} for _ in sites]
    with grpc.insecure_channel(address or os.environ.get("TRIMTAB_ADDRESS", "localhost:50051")) as channel:
        for response in rpc.GatewayServiceStub(channel).Capture(request, timeout=120):
            for found in response.activations:
                values = np.frombuffer(found.values.data, "<f4").reshape(found.values.shape)
                rows[found.tap_index].setdefault(found.layer, []).append(values)
    stacked = [np.stack([np.concatenate(parts) for _, parts in sorted(by.items())]) for by in rows]
    return {site: array if pooling == "none" else array[:, 0] for site, array in zip(sites, stacked)}


if __name__ == "__main__":
    prompt = sys.argv[1] if len(sys.argv) > 1 else "The capital of France is"
    for block, norms in enumerate(np.linalg.norm(capture(prompt)["residual"], axis=-1)):
        print(f"block {block}: {norms.mean():.3f} over {len(norms)} tokens")
