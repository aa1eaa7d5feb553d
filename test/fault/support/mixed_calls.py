"""Calls a gateway by grpcio (the C core) from many threads; prints how often each kind ended how, as JSON.

Standard input: {"address", "calls", "threads", "kinds": [{"method", "request" (hex), "stream", "leave_after", "timeout"}]}.
"""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVICE = "/trimtab.gateway.v1.GatewayService/"


def call(channel: grpc.Channel, kind: dict) -> str:
    request = bytes.fromhex(kind["request"])
    timeout = kind.get("timeout", 60)
    try:
        if not kind.get("stream"):
            channel.unary_unary(SERVICE + kind["method"])(request, timeout=timeout)
            return "OK"
        events = channel.unary_stream(SERVICE + kind["method"])(request, timeout=timeout)
        for number, _ in enumerate(events, 1):
            if number == kind.get("leave_after"):
                events.cancel()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def main() -> None:
    asked = json.load(sys.stdin)
    kinds = asked["kinds"]
    counts: Counter[str] = Counter()
    with grpc.insecure_channel(asked["address"]) as channel, ThreadPoolExecutor(asked["threads"]) as pool:
        numbers = (i % len(kinds) for i in range(asked["calls"]))
        for number, status in pool.map(lambda n: (n, call(channel, kinds[n])), numbers):
            counts[f"{number} {status}"] += 1
    print(json.dumps(counts))


main()
