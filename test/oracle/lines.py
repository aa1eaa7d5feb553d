"""A loop that answers JSON requests, one a line: {"id", "op", ...} -> {"id", "value"} or {"id", "error"}."""
import json
import sys
import traceback


def serve(operations, ready):
    """Calls operations[op](**arguments) for each line of stdin; announces itself with `ready` first."""
    out = sys.stdout
    print(json.dumps({"id": 0, "value": ready}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        number, name = request.pop("id"), request.pop("op")
        try:
            answer = {"id": number, "value": operations[name](**request)}
        except Exception:  # noqa: BLE001 - a failed request must not end the process
            answer = {"id": number, "error": traceback.format_exc()}
        print(json.dumps(answer), file=out, flush=True)
