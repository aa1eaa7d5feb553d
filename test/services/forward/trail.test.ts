/** The last token of a prompt computed again from where something acts on it: the bits of computing all of it, whatever acts. */
import { expect, test } from "bun:test";
import type { BatchRow } from "../../../services/forward/src/engine/step.ts";
import { knownBlocks } from "../../../services/forward/src/engine/trail.ts";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import {
  generate,
  LAST_RESIDUALS,
  open,
  prompt,
  SITES,
  startEngineForFile,
} from "../../support/forward-engine.ts";
import { putProgram } from "../../support/put-program.ts";
import { createRandom } from "../../support/synthetic-model.ts";

const WIDTH = 64;
const LAYERS = 4;
const DIMS: Record<string, number> = { heads: 128, neurons: 128 };
const random = createRandom(17);
const TAP = { ...LAST_RESIDUALS, layers: [3] };

const engine = await startEngineForFile({ synthetic: { seed: 9 }, contextTokens: 1024 });

function put(site: Operation["site"], layer: number, scope: Operation["scope"]): Promise<string> {
  const operation = {
    ...{ site, layer, scope, kind: "add", parameter: 0, threshold: 0, normPolicy: "none", cap: 0 },
    ...{ condition: "none", conditionVector: null, priority: 0 },
    vectors: Float32Array.from({ length: DIMS[site] ?? WIDTH }, random),
  } as Operation;
  return putProgram(engine, operation);
}

type Wish = Parameters<typeof generate>[2];

/** What a sequence says, and a branch of it, whose prompt was looked at or was not. */
async function answers(ids: readonly number[], isTapped: boolean, wish: Wish) {
  const { sequence } = await open(engine, ids, isTapped ? { taps: [TAP] } : { complete: true });
  const child = engine.newSequence();
  await engine.call({ type: "fork", sequence, children: [child] });
  const said = await Promise.all([sequence, child].map((one) => generate(engine, one, wish)));
  await engine.call({ type: "release", sequences: [sequence, child] });
  return said.map(({ tokens, proof, replayedTokens }) => ({ tokens, proof, replayedTokens }));
}

// The last token in the middle of a page, the last of a page, and the first of the next one.
for (const length of [45, 64, 65]) {
  const ids = prompt(length, length);
  test(`nothing acts after ${length} tokens that were looked at`, async () => {
    const wish = { maxTokens: 5 };
    expect(await answers(ids, true, wish)).toEqual(await answers(ids, false, wish));
  });

  test(`a program acts on the last of ${length} tokens, in any block and at any site`, async () => {
    for (const site of SITES) {
      for (let layer = 0; layer < LAYERS; layer++) {
        const binding = { digest: await put(site, layer, { kind: "answer" }), coefficients: [0.7] };
        const wish = { maxTokens: 4, replayLast: true, binding };
        const [looked, plain] = [await answers(ids, true, wish), await answers(ids, false, wish)];
        expect(looked).toEqual(plain);
        expect(looked[0]?.proof.map(({ rows }) => rows)).toEqual([4]);
      }
    }
  });
}

test("a program of the whole prompt, and one that acts on what is generated alone", async () => {
  for (const scope of [{ kind: "prompt" }, { kind: "decode" }] as Operation["scope"][]) {
    const binding = { digest: await put("residual", 1, scope), coefficients: [0.7] };
    const wish = { maxTokens: 4, replayLast: true, binding };
    expect(await answers(prompt(45, 3), true, wish)).toEqual(await answers(prompt(45, 3), false, wish));
  }
});

test("of a shortened prompt nothing is known", async () => {
  const ids = prompt(45, 8);
  const { sequence } = await open(engine, ids, { taps: [TAP] });
  await engine.call({ type: "truncate", sequence, tokens: 40 });
  const { tokens } = await generate(engine, sequence, { maxTokens: 4 });
  const fresh = await open(engine, ids.slice(0, 40));
  expect(tokens).toEqual((await generate(engine, fresh.sequence, { maxTokens: 4 })).tokens);
  await engine.call({ type: "release", sequences: [sequence, fresh.sequence] });
});

test("blocks are known up to the first that acts on a row, and only if every row has a trail", () => {
  const at = (...places: number[]) =>
    Uint32Array.from({ length: SITES.length * LAYERS }, (_, i) => (places.includes(i) ? 1 : 0));
  const row = (heads: Uint32Array | null, isFollowing = true): BatchRow => ({
    ...{ id: 0, position: 0, table: { pages: [], length: 0 }, heads, collector: null, onLogits: null },
    follows: isFollowing ? { position: 0, residuals: [] } : null,
  });
  expect(knownBlocks([row(null)], LAYERS)).toBe(4);
  expect(knownBlocks([row(at(3)), row(at(LAYERS + 2, 7))], LAYERS)).toBe(2);
  expect(knownBlocks([row(at(LAYERS))], LAYERS)).toBe(0);
  expect(knownBlocks([row(null), row(null, false)], LAYERS)).toBe(0);
  expect(knownBlocks([{ ...row(null), collector: {} as NonNullable<BatchRow["collector"]> }], LAYERS)).toBe(
    0,
  );
});
