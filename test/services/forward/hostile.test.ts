/** Random requests: each is answered or refused with a reason, never INTERNAL, and leaves nothing behind. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromConnectError } from "#kit/errors.ts";
import {
  binding,
  generate,
  ids,
  maybe,
  operation,
  real,
  taps,
  uint,
} from "../../support/forward-requests.ts";
import { drain, startForwardForFile } from "../../support/forward-service.ts";
import { seedOf } from "../../support/seed.ts";

const SEED = seedOf(43);
const forward = await startForwardForFile({ contextTokens: 128 });
const vectors = { dataType: 1, shape: [1, 64], data: new Uint8Array(256).fill(60) };
const { programDigest } = await forward.client.putProgram({
  program: { modelDigest: forward.modelDigest, operations: [{ site: 1, layer: 1, kind: 1, vectors }] },
});

const known = <T extends { programDigest: string }>(given: T | undefined) =>
  given && { ...given, programDigest: given.programDigest === "known" ? programDigest : given.programDigest };

/** Refusals have a reason of their own; anything else is a bug. */
async function survives(run: () => Promise<unknown>): Promise<void> {
  const error = await run().then(
    () => null,
    (thrown: unknown) => fromConnectError(thrown),
  );
  if (error) expect([error.reason, error.message]).not.toContain("INTERNAL");
}

test("F1 Open and Generate", async () => {
  const { client, modelDigest } = forward;
  await fc.assert(
    fc.asyncProperty(
      ids,
      taps,
      maybe(binding),
      generate,
      uint,
      async (tokens, read, program, request, leaseMs) => {
        await survives(async () => {
          const open = { ids: tokens, taps: read, ...(program ? { program: known(program) } : {}) };
          const { sequence } = await client.open({ modelDigest, open, leaseMs });
          await survives(() => {
            const withProgram = {
              ...request,
              ...(request.program ? { program: known(request.program) } : {}),
            };
            return drain(client.generate({ modelDigest, sequence, generate: withProgram as never }));
          });
          await client.release({ modelDigest, sequences: [sequence] });
        });
      },
    ),
    { seed: SEED, numRuns: 150 },
  );
  expect(await forward.usedPages()).toBe(0);
}, 120_000);

test("Score and Capture", async () => {
  const { client, modelDigest } = forward;
  const items = fc.array(fc.record({ ids, first: uint }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      items,
      taps,
      maybe(binding),
      fc.array(uint, { maxLength: 2 }),
      async (texts, read, given, candidateIds) => {
        const program = given ? { program: known(given) } : {};
        await survives(() => client.score({ modelDigest, items: texts, candidateIds, ...program } as never));
        await survives(() =>
          drain(client.capture({ modelDigest, items: texts, taps: read, ...program } as never)),
        );
      },
    ),
    { seed: SEED, numRuns: 150 },
  );
  expect(await forward.usedPages()).toBe(0);
}, 120_000);

test("PutProgram, and using what it took", async () => {
  const { client, modelDigest } = forward;
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 3 }),
      fc.nat(5),
      real,
      async (operations, conflictRule, c) => {
        await survives(async () => {
          const put = await client.putProgram({
            program: { modelDigest, operations, conflictRule } as never,
          });
          const program = { programDigest: put.programDigest, coefficients: operations.map(() => c) };
          await drain(
            client.capture({ modelDigest, items: [{ ids: [5, 6, 7] }], taps: [{ site: 1 }], program }),
          );
        });
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
  expect(await forward.usedPages()).toBe(0);
}, 120_000);
