// What the service does around verifiers: a broken one, an ended call.

import { expect, test } from "bun:test";
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { runBatch } from "../../../services/verifier/src/run-batch.ts";
import { createLengthVerifier } from "../../../services/verifier/src/verifiers/length.ts";
import type { Judge, Outcome } from "../../../services/verifier/src/verifier.ts";
import { errorOf } from "./service.ts";

/** Nothing is asked of a model. */
const bill = { spend: () => {}, tokensLeft: () => undefined, onCut: () => {} };

/** A verifier of the given judge, bound. */
const bound = (score: Judge) => ({ verifier: createLengthVerifier(), prepared: { score } });

test("C7 a verifier that breaks its contract spoils its own verdicts and nobody else's", async () => {
  const signal = new AbortController().signal;
  const judging = {
    modelDigest: "",
    clients: {},
    call: { signal, timeoutMs: 1_000, headers: {} },
    ...bill,
  };
  const good = bound(() => [{ score: 0.5, reason: "" }]);
  const broken: (() => Outcome[])[] = [
    () => [],
    () => [{ score: Number.NaN, reason: "" }],
    () => [{ score: 1.5, reason: "" }],
    () => {
      throw new RangeError("bug");
    },
  ];
  const item = { text: "" } as Parameters<typeof runBatch>[0][number];
  for (const score of broken) {
    for await (const { outcomes } of runBatch([item], [bound(score), good], judging)) {
      expect(outcomes[0]).toHaveProperty("failure");
      expect(outcomes[0]).not.toHaveProperty("score");
      expect(outcomes[1]).toEqual({ score: 0.5, reason: "" });
    }
  }
});

test("of a verifier that judges each item alone one that breaks spoils no other item", async () => {
  const call = { signal: new AbortController().signal, timeoutMs: 1_000, headers: {} };
  const { prepared } = bound(([item]) => {
    if (item?.text === "bad") throw new RangeError("bug");
    return [{ score: 1, reason: "" }];
  });
  const alone = { verifier: { ...createLengthVerifier(), judgesEachAlone: true }, prepared };
  const items = ["good", "bad", "good"].map((text) => ({ text }) as ScoreItem);
  const scored: boolean[] = [];
  for await (const { outcomes } of runBatch(items, [alone], {
    modelDigest: "",
    clients: {},
    call,
    ...bill,
  })) {
    scored.push("score" in outcomes[0]!);
  }
  expect(scored).toEqual([true, false, true]);
});

test("a call that ends stops the work before the next chunk", async () => {
  const controller = new AbortController();
  let chunks = 0;
  const leaving = bound((batch) => {
    chunks++;
    controller.abort();
    return batch.map(() => ({ score: 1, reason: "" }));
  });
  const items = Array.from({ length: 64 }, () => ({ text: "" }) as ScoreItem);
  const call = { signal: controller.signal, timeoutMs: 1_000, headers: {} };
  const judging = { modelDigest: "", clients: {}, call, ...bill };
  const work = async () => {
    for await (const _ of runBatch(items, [leaving], judging));
  };
  expect((await errorOf(work())).reason).toBe("CANCELLED");
  expect(chunks).toBe(1);
});

test("a verifier that never answers ends with the call", async () => {
  const controller = new AbortController();
  const endless = bound(() => {
    controller.abort();
    return new Promise<Outcome[]>(() => {});
  });
  const call = { signal: controller.signal, timeoutMs: 1_000, headers: {} };
  const work = async () => {
    const items = [{ text: "" } as ScoreItem];
    for await (const _ of runBatch(items, [endless], {
      modelDigest: "",
      clients: {},
      call,
      ...bill,
    }));
  };
  expect((await errorOf(work())).reason).toBe("CANCELLED");
});
