/** A prompt under one program after another: each generation finds it as its own program, or its opening, says. */
import { expect, test } from "bun:test";
import { generate, open, prompt, startEngineForFile, UNCACHED } from "../../support/forward-engine.ts";
import { operation } from "../../support/program-reference.ts";
import { putProgram } from "../../support/put-program.ts";

const WIDTH = 64;
const IDS = prompt(45);

const engine = await startEngineForFile({ synthetic: { seed: 4, layers: 2 }, contextTokens: 256 });

/** A program that acts on the prompt from a position on, strongly. */
async function onPrompt(direction: number, first = 0) {
  const vectors = new Float32Array(WIDTH);
  vectors[direction] = 1;
  const scope = first === 0 ? ({ kind: "prompt" } as const) : ({ kind: "window", first, end: 40 } as const);
  return { digest: await putProgram(engine, operation({ layer: 0, vectors, scope })), coefficients: [30] };
}

const [p, q, late] = [await onPrompt(3), await onPrompt(9), await onPrompt(17, 20)];
const openUnder = async (binding: typeof p | null) =>
  (await open(engine, IDS, { binding, caller: UNCACHED })).sequence;
/** What a text opened and continued under `opened` and `binding` says when nothing came before. */
const alone = async (opened: typeof p | null, binding: typeof p | null) =>
  await generate(engine, await openUnder(opened), { binding });

test.each([
  ["its own program", p, q, p],
  ["none", null, q, null],
  ["none, but with a program for later positions", null, q, late],
  ["the program it was opened under, and none for its generation", p, q, null],
])(
  "a prompt opened for %s is that again after a generation under another",
  async (_, opened, other, then) => {
    const expected = await alone(opened, then);
    const sequence = await openUnder(opened);
    await generate(engine, sequence, { binding: other });
    await engine.call({ type: "truncate", sequence, tokens: IDS.length });
    const got = await generate(engine, sequence, { binding: then });
    expect(got.tokens).toEqual(expected.tokens);
    expect(got.proof.map(({ layer, rows }) => [layer, rows])).toEqual(
      expected.proof.map(({ layer, rows }) => [layer, rows]),
    );
  },
);

test("the part of a prompt that a stopped generation left under its program is computed again", async () => {
  const expected = await alone(null, null);
  const sequence = await openUnder(null);
  const running = generate(engine, sequence, { binding: q, maxTokens: 200 });
  await engine.call({ type: "stop", sequences: [sequence] });
  expect((await running).reason).toBe("cancelled");
  await engine.call({ type: "truncate", sequence, tokens: IDS.length });
  expect((await generate(engine, sequence)).tokens).toEqual(expected.tokens);
});

test("a generation under a program for the whole text is proven by that program alone", async () => {
  const { proof } = await alone(p, q);
  expect(proof.map(({ rows }) => rows)).toEqual([IDS.length]);
});

test("what is generated under one program goes on under none, over a prompt that is as it was opened", async () => {
  const sequence = await openUnder(null);
  const { tokens } = await generate(engine, sequence, { binding: q });
  const said = [...IDS, ...tokens.map(({ id }) => id)];
  const { replayedTokens, tokens: more } = await generate(engine, sequence);
  const whole = await open(engine, said, { caller: UNCACHED });
  expect((await generate(engine, whole.sequence)).tokens).toEqual(more);
  expect(replayedTokens).toBe(said.length - 1);
});
