"""What the official Python OpenAI SDK gets from the gateway at TRIMTAB_URL: embeddings and structured answers, as JSON."""

import json
import math
import os
from typing import Literal

from openai import BadRequestError, OpenAI
from pydantic import BaseModel, Field


class Greeting(BaseModel):
    greeting: Literal["hello", "hi"]
    count: int = Field(ge=1, le=9)


client = OpenAI(base_url=f"{os.environ['TRIMTAB_URL']}/v1", api_key="none")
model = client.models.list().data[0].id
texts = ["A cat sat on the mat.", "The cat is sitting on a mat.", "Stock prices fell by 4% in March."]
# The SDK asks for base64 unless told otherwise, and decodes it.
vectors = [item.embedding for item in client.embeddings.create(model=model, input=texts).data]
floats = client.embeddings.create(model=model, input=texts[0], encoding_format="float").data[0].embedding
messages = [{"role": "user", "content": "Say hello!"}]
asked = {"model": model, "messages": messages, "temperature": 1.3, "max_tokens": 120, "seed": 5}
parsed = client.chat.completions.parse(response_format=Greeting, **asked).choices[0]
with client.chat.completions.stream(response_format=Greeting, **asked) as stream:
    streamed = stream.get_final_completion().choices[0].message.parsed
try:
    wrong = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "zzz"}}}
    client.chat.completions.create(response_format=wrong, **asked)
    refused = None
except BadRequestError as error:
    refused = error.param


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


print(json.dumps({
    "lengths": [math.sqrt(dot(vector, vector)) for vector in vectors],
    "likeness": [dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2])],
    "difference": max(abs(a - b) for a, b in zip(vectors[0], floats)),
    "finish": parsed.finish_reason,
    "parsed": parsed.message.parsed.model_dump(),
    "streamed": streamed.model_dump(),
    "refused": refused,
}))
