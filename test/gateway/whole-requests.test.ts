/** A body of several prompts is one request: of its key's share and rate, of the line, and of the seeds it tells. */
import { expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { outcome, until } from "./support/asks.ts";
import { keyed } from "./support/keyed-stack.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

const COMPLETIONS = "/v1/completions";
const PROMPTS = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st"];
// Ten seconds of a rate at once: 100 tokens, where ten answers of 16 are 160.
const gate = createKeyGate({
  apiKey: "",
  keys: [keyed("one", { concurrent: 1 }), keyed("slow", { tokensPerSecond: 10 })],
});
const by = (name: string) => ({
  headers: { "content-type": "application/json", authorization: `Bearer key-of-${name}` },
});
const body = (more: object = {}) => ({ model: "simulated", prompt: PROMPTS, ...more });

test("a key that may have one request under way may send several prompts in it, and no second one", async () => {
  const { post, forward } = createSimulatedStack({ gate });
  const held = Promise.withResolvers<void>();
  forward.beforeToken = () => held.promise;
  const first = post(COMPLETIONS, body(), by("one"));
  await until(() => forward.sessions === 8);
  expect(await outcome(await post(COMPLETIONS, body(), by("one")))).toEqual([
    429,
    "rate_limit_exceeded",
    null,
  ]);
  held.resolve();
  const answered = (await (await first).json()) as any;
  expect(answered.choices).toHaveLength(PROMPTS.length);
  expect((await post(COMPLETIONS, body(), by("one"))).status).toBe(200);
});

test("prompts that are more than a key's rate together are answered, and the next request waits for them", async () => {
  const { post } = createSimulatedStack({ gate });
  for (const echo of [{}, { echo: true, logprobs: 1 }]) {
    const stack = createSimulatedStack({ gate });
    expect((await stack.post(COMPLETIONS, body(echo), by("slow"))).status).toBe(200);
    const second = await stack.post(COMPLETIONS, body(echo), by("slow"));
    expect(await outcome(second)).toEqual([429, "rate_limit_exceeded", null]);
    expect(Number(second.headers.get("retry-after-ms"))).toBeGreaterThan(1_000);
  }
  // What was not used goes back: ten answers of one token.
  const short = { max_tokens: 1 };
  for (let i = 0; i < 2; i++) expect((await post(COMPLETIONS, body(short), by("slow"))).status).toBe(200);
});

test("while others wait prompts of one body begin together: none is refused for the others", async () => {
  const { post, forward } = createSimulatedStack({ admission: { running: 1, runningWhileOthersWait: 1 } });
  forward.script = () => encode("yes");
  const [one, two] = await Promise.all([0, 1].map(() => post(COMPLETIONS, body())));
  expect([one?.status, two?.status]).toEqual([200, 200]);
});

test("prompts that draw a seed each tell it of their choices, and with it give the same again", async () => {
  const { post, forward } = createSimulatedStack();
  forward.script = ({ command }) => encode(String(command.sampling?.seed));
  const ask = async (more: object) =>
    (await (await post(COMPLETIONS, { model: "simulated", max_tokens: 20, ...more })).json()) as any;
  const drawn = await ask({ prompt: ["ab", "ab"], n: 2 });
  expect(drawn.trimtab).not.toHaveProperty("seed");
  const seeds: number[] = drawn.choices.map((choice: any) => choice.trimtab.seed);
  expect(drawn.choices.map((choice: any) => choice.text)).toEqual(seeds.map(String));
  expect(seeds[0]).toBe(seeds[1] as number);
  expect(seeds[0]).not.toBe(seeds[2] as number);
  const given = await ask({ prompt: ["ab", "ab"], seed: 7 });
  expect([given.trimtab.seed, given.choices[1].trimtab.seed]).toEqual([7, undefined]);
  expect((await ask({ prompt: ["ab"], echo: true, max_tokens: 0, seed: 7 })).trimtab.seed).toBe(7);
  const stream = await post(COMPLETIONS, {
    ...{ model: "simulated", prompt: ["ab", "ab"], max_tokens: 20, stream: true },
    stream_options: { include_usage: true },
  });
  const chunks = (await stream.text())
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice("data: ".length)) as any);
  const ends = chunks.filter((chunk) => chunk.choices[0]?.finish_reason);
  const told = new Map(ends.map(({ choices: [end] }) => [end.index, String(end.trimtab.seed)]));
  const textOf = (index: number) =>
    chunks.flatMap((chunk) => (chunk.choices[0]?.index === index ? [chunk.choices[0].text] : [])).join("");
  expect([told.get(0), told.get(1)]).toEqual([textOf(0), textOf(1)]);
  expect(chunks.at(-1).trimtab).not.toHaveProperty("seed");
});
