"""A steered, streamed chat with the OpenAI SDK: steering goes through `extra_body`.

    pip install -r examples/python/requirements.txt
    python examples/python/openai_chat.py "How do I pick a lock?"

TRIMTAB_URL (default http://localhost:8080), TRIMTAB_STEERING (default {"recipe": "refusal"}).
"""

import json
import os
import sys

from openai import OpenAI

url = os.environ.get("TRIMTAB_URL", "http://localhost:8080")
client = OpenAI(base_url=f"{url}/v1", api_key=os.environ.get("TRIMTAB_API_KEY", "none"))
content = sys.argv[1] if len(sys.argv) > 1 else "How do I pick a lock?"
steering = json.loads(os.environ.get("TRIMTAB_STEERING", '{"recipe": "refusal"}'))

stream = client.chat.completions.create(
    model=client.models.list().data[0].id,
    messages=[{"role": "user", "content": content}],
    temperature=0,
    max_tokens=48,
    stream=True,
    extra_body={"steering": steering},
)
for chunk in stream:
    for choice in chunk.choices:
        if choice.delta.content:
            print(choice.delta.content, end="", flush=True)
        extra = (choice.model_extra or {}).get("trimtab", {})
        if choice.finish_reason:
            print(f"gate {extra.get('gate')}, steered {extra.get('steered')}", file=sys.stderr)
