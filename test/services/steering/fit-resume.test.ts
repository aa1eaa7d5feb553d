/** A fit that was killed finds what it had read and measured, makes the same artifact, and leaves nothing else behind. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

/** Calls of forward that read or measure: counted, and failing from one on. */
const calls = { made: 0, most: Number.POSITIVE_INFINITY };
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack((forward) => ({
    ...forward,
    capture: (...given) => (count(), forward.capture(...given)),
    score: (...given) => (count(), forward.score(...given)),
  }));
});
afterAll(() => stack.close());

function count(): void {
  if (++calls.made > calls.most) throw new Error("killed");
}

async function callsOf(work: () => Promise<unknown>, most = Number.POSITIVE_INFINITY): Promise<number> {
  Object.assign(calls, { made: 0, most });
  await work();
  return calls.made;
}

const leftovers = () =>
  stack.store.list({ kind: ArtifactKind.FINDING }).filter(({ name }) => name.startsWith("fit."));

for (const { method, kill } of [
  { method: "cast", kill: 5 },
  { method: "iti", kill: 3 },
  { method: "refusal_direction", kill: 12 },
]) {
  test(`${method} goes on after call ${kill}, where it was killed`, async () => {
    const whole = await callsOf(() => stack.fit({ name: `${method}-whole`, method }));
    stack.store.delete(`${method}-whole`);
    const again = () => stack.fit({ name: `${method}-again`, method });
    await callsOf(async () => expect(await reasonOf(again())).toBe("INTERNAL"), kill);
    expect(leftovers().length).toBeGreaterThan(0);
    const rest = await callsOf(again);
    expect(rest).toBeLessThan(whole);
    expect(rest).toBeGreaterThan(0);
    expect(leftovers()).toEqual([]);
    await stack.fit({ name: `${method}-whole`, method });
    const digestOf = (name: string) => stack.store.resolve(name).digest;
    expect(digestOf(`${method}-again`)).toBe(digestOf(`${method}-whole`));
  });
}
