"""its_hub driving an OpenAI-compatible server, one JSON line in and one out.

{"do": "filter", "url", "model", "prompt", "terms", "particles", "temperature"} -> {"text", "seconds"}
{"do": "choose", "texts", "scores", "answers"} -> {"best": index, "voted": answer}
"""

import asyncio
import json
import re
import sys
import time

from its_hub.api import AbstractLanguageModel, AbstractOutcomeRewardModel, AbstractProcessRewardModel
from its_hub.core.algorithms.bon import BestOfN
from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub.core.algorithms.self_consistency import SelfConsistency
from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
from its_hub.core.lms.step_generation import StepGeneration

ADDITION = re.compile(r"(-?\d+)\s*\+\s*(-?\d+)\s*=\s*(-?\d+)")
MOST_STEPS = 5
MOST_TOKENS = 48


class PartialSums(AbstractProcessRewardModel):
    """The exact value of a chain sum in the making: the rule of our verifier partial_sums."""

    def __init__(self, terms):
        self.terms = terms

    def score(self, prompt_or_messages, steps):
        return [self._value(text) for text in steps]

    async def ascore(self, prompt_or_messages, steps):
        return self.score(prompt_or_messages, steps)

    def _value(self, text):
        total, rest = self.terms[0], self.terms[1:]
        for index, found in enumerate(ADDITION.finditer(text)):
            left, term, result = map(int, found.groups())
            if index >= len(rest) or (left, term, result) != (total, rest[index], total + rest[index]):
                return 0.0
            total = result
        answer = re.search(r"answer\D*(-?\d+)", text, re.IGNORECASE)
        return 0.0 if answer and int(answer.group(1)) != sum(self.terms) else 1.0


class Replayed(AbstractLanguageModel):
    """Answers that were sampled before, in order."""

    def __init__(self, texts):
        self.texts = iter(texts)

    async def agenerate_single(self, messages, *args, **kwargs):
        return {"role": "assistant", "content": next(self.texts)}

    async def agenerate(self, *args, **kwargs):
        raise NotImplementedError

    def generate(self, *args, **kwargs):
        raise NotImplementedError

    async def aevaluate(self, *args, **kwargs):
        raise NotImplementedError

    def evaluate(self, *args, **kwargs):
        raise NotImplementedError


class Scores(AbstractOutcomeRewardModel):
    """Scores that were given before, by text."""

    def __init__(self, scores):
        self.scores = scores

    def score(self, messages, **kwargs):
        return [self.scores[conversation[-1].content] for conversation in messages]

    async def ascore(self, messages, orchestrator=None, **kwargs):
        return self.score(messages)


async def run_filter(job):
    model = OpenAICompatibleLanguageModel(
        endpoint=f"{job['url']}/v1", api_key="none", model_name=job["model"], max_completion_tokens=MOST_TOKENS
    )
    steps = StepGeneration(
        max_steps=MOST_STEPS, step_token="\n", stop_token="Answer", temperature=job["temperature"]
    )
    began = time.perf_counter()
    algorithm = ParticleFiltering(steps, PartialSums(job["terms"]))
    answer = await algorithm.ainfer(model, job["prompt"], job["particles"])
    return {"text": answer["content"], "seconds": time.perf_counter() - began}


async def choose(job):
    texts, count = job["texts"], len(job["texts"])
    answers = dict(zip(texts, job["answers"]))
    best = BestOfN(Scores(dict(zip(texts, job["scores"]))))
    voting = SelfConsistency(lambda text: answers[text])
    chosen = await best.ainfer(Replayed(texts), "question", count)
    voted = await voting.ainfer(Replayed(texts), "question", count)
    return {"best": texts.index(chosen["content"]), "voted": answers[voted["content"]]}


async def main():
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(await (run_filter if job["do"] == "filter" else choose)(job)), flush=True)


asyncio.run(main())
