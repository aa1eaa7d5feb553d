/** Shared prefixes: every text is computed in full, and nothing that may not be shared is. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { planForest } from "../../../services/forward/src/engine/prefix.ts";
import { seedOf } from "../../support/seed.ts";

const text = fc
  .record({ ids: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 40 }), cut: fc.nat(40) })
  .map(({ ids, cut }) => ({ ids, shareable: Math.min(cut, ids.length - 1) }));

test("each text is the leaf of one node, below prefixes of its own shareable tokens", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), (items) => {
      const nodes = planForest(items);
      const leaves = nodes.flatMap(({ item }) => (item === null ? [] : [item]));
      expect(leaves.toSorted((a, b) => a - b)).toEqual([...items.keys()]);
      for (const [index, { ids, parent, item }] of nodes.entries()) {
        if (item !== null) expect(ids).toEqual(items[item]?.ids ?? []);
        const above = parent === null ? [] : (nodes[parent]?.ids ?? []);
        if (parent !== null) expect(parent).toBeLessThan(index);
        expect(ids.slice(0, above.length)).toEqual([...above]);
        if (item !== null) expect(above.length).toBeLessThanOrEqual(items[item]?.shareable ?? 0);
      }
    }),
    { seed: seedOf(67) },
  );
});

test("a template shared by all and prompts shared by some are each computed once", () => {
  const template = Array.from({ length: 20 }, (_, i) => i);
  const prompts = [1, 2].map((n) => [...template, ...new Array<number>(10).fill(100 + n)]);
  const items = prompts.flatMap((prompt) => [7, 8, 9].map((answer) => [...prompt, answer, answer, answer]));
  const nodes = planForest(items.map((ids) => ({ ids, shareable: ids.length - 3 })));
  const computed = nodes.reduce(
    (sum, { ids, parent }) => sum + ids.length - (nodes[parent ?? -1]?.ids.length ?? 0),
    0,
  );
  expect(computed).toBe(20 + 2 * 10 + 6 * 3);
});
