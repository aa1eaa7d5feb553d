/** A search through the OpenAI-compatible API: other systems' names, what comes back, and the stream. */
import { expect, test } from "bun:test";
import { answering } from "../support/answering.ts";
import { chatBody } from "../support/asks.ts";

interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly trimtab: { readonly search: Record<string, unknown> };
  }[];
  readonly usage: {
    readonly completion_tokens: number;
    readonly trimtab: { readonly scaling: Record<string, number> };
  };
}

const texts = ["one", "one two three", "one two"];

async function answer(scaling: object): Promise<Answer> {
  const body = chatBody("hello", { scaling, seed: 9 });
  const response = await answering(texts).post("/v1/chat/completions", body);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

test("the body carries a search and the answer its choice, its candidates and its bill", async () => {
  const scaling = {
    strategy: "best-of-n",
    budget: { candidates: 3 },
    verifier: { name: "words" },
    trace: true,
  };
  const { choices, usage } = await answer(scaling);
  expect(choices.map(({ message }) => message.content)).toEqual(["one two three"]);
  expect(choices[0]?.trimtab.search).toMatchObject({
    candidate: 2,
    end: "SEARCH_END_COMPLETE",
    strategy: "best-of-n",
    parameters: {},
    budget: { tokens: "0", candidates: 3, milliseconds: 0 },
    seed: "9",
    degraded: false,
    candidates: texts.map((text) => ({ text })),
  });
  expect(usage.completion_tokens).toBe(texts.join("").length);
  expect(usage.trimtab.scaling).toMatchObject({ candidates: 3, verifier_calls: 3, verifier_tokens: 7 });
});

test.each([
  ["its_hub's budget and snake case", { strategy: "best_of_n", budget: 3, verifier: "words" }],
  ["n", { strategy: "best-of-n", n: 3, verifier: "words" }],
  ["tokens_per_step", { strategy: "best-of-n", budget: 3, verifier: "words", tokens_per_step: 4 }],
  ["step_token", { strategy: "best-of-n", budget: 3, verifier: "words", step_token: "\n" }],
  [
    "its_hub's steps",
    {
      ...{ strategy: "best-of-n", budget: 3, verifier: "words", step_token: "\n" },
      ...{ stop_token: "####", max_steps: 9 },
    },
  ],
])("%s mean the same", async (_, scaling) => {
  const { choices } = await answer(scaling);
  expect(choices[0]?.message.content).toBe("one two three");
});

test("the stream shows the search as it happens, and text that is never taken back", async () => {
  const scaling = { strategy: "best-of-n", budget: 3, verifier: "words", trace: true };
  const body = chatBody("hello", { scaling, stream: true, stream_options: { include_usage: true } });
  const response = await answering(texts).post("/v1/chat/completions", body);
  const chunks = (await response.text())
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice("data: ".length)) as Chunk);
  const content = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
  expect(content).toBe("one two three");
  const events = chunks.flatMap(({ choices }) => Object.keys(choices[0]?.trimtab?.search ?? {}));
  expect([...new Set(events)].toSorted()).toEqual(["candidate", "commit", "final", "score", "step"]);
  expect(chunks.at(-1)?.usage?.trimtab.scaling.candidates).toBe(3);
});

test.each(["/v1/chat/completions", "/v1/completions"])(
  "in a stream of %s nothing of a searched answer comes after its end",
  async (path) => {
    const scaling = { strategy: "best-of-n", budget: 3, verifier: "words" };
    for (const verifiers of [[], ["words"]]) {
      const { messages, ...body } = chatBody("hello", { scaling, verifiers, stream: true });
      const asked = path.includes("chat") ? { ...body, messages } : { ...body, prompt: "hello" };
      const events = (await (await answering(texts).post(path, asked)).text()).trim().split("\n\n");
      expect(events.at(-1)).toBe("data: [DONE]");
      const ends = events.slice(0, -1).map((event) => {
        const [choice] = JSON.parse(event.slice("data: ".length)).choices as {
          finish_reason: string | null;
        }[];
        return choice?.finish_reason ?? null;
      });
      expect(ends.filter((end) => end !== null)).toEqual(["stop"]);
      expect(ends.at(-1)).toBe("stop");
    }
  },
);

interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string };
    readonly trimtab?: { readonly search?: Record<string, unknown> };
  }[];
  readonly usage?: Answer["usage"];
}
