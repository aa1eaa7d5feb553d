"""Chat, search, a typed error and a deadline with the OpenAI SDK: what OpenAI does not have goes through `extra_body`.

    pip install -r examples/python/requirements.txt
    python examples/python/openai_tour.py

TRIMTAB_URL: where the server listens, default http://localhost:8080. TRIMTAB_STEERING: default {"recipe": "refusal"}.
"""

import json
import os

from openai import APITimeoutError, BadRequestError, OpenAI

url = os.environ.get("TRIMTAB_URL", "http://localhost:8080")
client = OpenAI(base_url=f"{url}/v1", api_key=os.environ.get("TRIMTAB_API_KEY", "none"))
model = client.models.list().data[0].id
steering = json.loads(os.environ.get("TRIMTAB_STEERING", '{"recipe": "refusal"}'))


def ask(content, max_tokens, temperature):
    messages = [{"role": "user", "content": content}]
    return {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature, "seed": 0}


chat = ask("How was your day?", 32, 0)
for chunk in client.chat.completions.create(**chat, stream=True, extra_body={"steering": steering}):
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)

scaling = {"strategy": "self-consistency", "budget": {"candidates": 4}}
found = client.chat.completions.create(**ask("What is 3 + 4?", 32, 0.5), extra_body={"scaling": scaling})
best = found.choices[0].model_extra["trimtab"]["search"]["answers"][0]
print(f"\nsearch: {best['answer']} with {best['votes']} votes")

try:
    client.chat.completions.create(**ask("Hello", 8, 9))
except BadRequestError as error:
    print(f"error: {error.code} in {error.param}")

try:
    hurried = client.with_options(timeout=0.1, max_retries=0)
    hurried.chat.completions.create(**ask("Tell me a long story.", 1000, 0))
except APITimeoutError:
    print("deadline: passed")
