// Training a probe through the gateway's API: which states are read, what they are worth, what is stored. The gateway is one
// with known answers: it samples a right and wrong solutions, and one block's states tell which.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { encodeTensor } from "#kit/tensor.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { trainOnProblems } from "../../cli/src/verifier/train.ts";

const PROMPT = [7, 7, 7];
const WIDTH = 4;
/** Token ids of solutions: 1 begins both, 2 or 3 goes on right or wrong, 9 ends. "1" and "9" end in a line break or the text. */
const RIGHT = [1, 2, 9];
const WRONG = [1, 3, 9];
const TEXTS: Readonly<Record<number, string>> = { 1: "a = b\n", 2: "good", 3: "bad", 9: "" };

const directory = mkdtempSync(join(tmpdir(), "trimtab-train-"));
const problems = join(directory, "problems.jsonl");
afterAll(() => rmSync(directory, { recursive: true }));
const lines = Array.from({ length: 56 }, (_, i) => ({
  ...{ id: `p${i}`, messages: [{ role: "user", content: "?" }], separators: ["\n"], maxTokens: 8 },
  outcome: { name: "regex", parameters: { pattern: "good" } },
}));
writeFileSync(problems, lines.map((line) => JSON.stringify(line)).join("\n"));

const known = { name: "known", digest: "ab".repeat(32), layers: 6, loaded: true };
/** What the server has; one that is not loaded is only available. */
let models = [{ name: "other", digest: "", layers: 0, loaded: false }, known];
const captured: { readonly ids: readonly number[]; readonly first: number }[] = [];
let stored: { readonly name: string; readonly data: Uint8Array } | undefined;
const connection = connectTo({
  routes: (router) =>
    void router.service(GatewayService, {
      listModels: () => ({ models }),
      tokenize: () => ({ ids: PROMPT }),
      complete: ({ spec }) => ({
        choices: Array.from({ length: spec?.choices ?? 0 }, (_, i) => {
          const ids = i % 4 === 0 ? RIGHT : WRONG;
          return {
            tokens: ids.map((id) => ({ id })),
            tokenTexts: ids.map((id) => TEXTS[id] ?? ""),
            verdicts: [{ verifier: "regex", score: ids === RIGHT ? 1 : 0 }],
          };
        }),
      }),
      async *capture({ input, taps }) {
        const ids = input.case === "ids" ? input.value.ids : [];
        const [tap] = taps;
        const first = tap?.first ?? 0;
        captured.push({ ids, first });
        for (const layer of tap?.layers ?? []) {
          // The block at half the depth knows whether the solution is right, everywhere in it.
          const told = layer === 2 ? (ids.includes(2) ? 1 : -1) : 0;
          const rows = ids.slice(first).flatMap((id) => [told, id, 0, Math.sin(captured.length + id)]);
          const values = encodeTensor(Float32Array.from(rows), [ids.length - first, WIDTH]);
          yield { activations: [{ layer, firstPosition: first, values }] };
        }
      },
      putArtifact: ({ put }) => {
        stored = { name: put?.name ?? "", data: put?.data ?? new Uint8Array() };
        return { artifact: { digest: "sha256:00" } };
      },
    }),
});

test("steps are worth the share of roll-outs through them; each distinct one is read once, at its last token", async () => {
  const progress: number[] = [];
  const options = { problems, samples: 4, temperature: 0.7, seed: 1 };
  const trained = await trainOnProblems(
    connection.client(GatewayService),
    "known-probe",
    options,
    (done) => void progress.push(done),
  );
  expect(progress).toEqual(Array.from({ length: 57 }, (_, i) => i));
  // Of three equal wrong solutions one is read; the first step, common to all, is read with the first solution. Several
  // problems are at it together, so the order is between the two solutions of one problem only.
  for (const ids of [RIGHT, WRONG]) {
    expect(
      captured.filter((read) => Bun.deepEquals(read, { ids: [...PROMPT, ...ids], first: 3 })),
    ).toHaveLength(56);
  }
  expect(captured).toHaveLength(2 * 56);
  expect(trained.stored).toBe("known-probe@sha256:00");
  const { rows, problems: parts } = trained.report;
  expect(rows.fit + rows.choose + rows.report).toBe(3 * 56);
  expect(parts.fit + parts.choose + parts.report).toBe(56);
  // First steps are worth 1/4, last ones 1 or 0.
  expect(trained.report.positives).toBeCloseTo((0.25 + 1 + 0) / 3, 6);
  expect(trained.isUseful).toBe(true);
  const probe = JSON.parse(new TextDecoder().decode(stored?.data)) as { problemIds: string[] };
  expect(probe.problemIds).toHaveLength(56);
});

test("a problem file that is missing or broken is refused by line", async () => {
  const client = connection.client(GatewayService);
  const train = (path: string) =>
    trainOnProblems(client, "x", { problems: path, samples: 2, temperature: 1, seed: 1 }, () => {});
  await expect(train(join(directory, "none.jsonl"))).rejects.toMatchObject({ reason: "ARTIFACT_NOT_FOUND" });
  const broken = join(directory, "broken.jsonl");
  writeFileSync(broken, `${JSON.stringify(lines[0])}\n{"id": 3}\n`);
  await expect(train(broken)).rejects.toThrow("broken.jsonl:2");
});

test("a probe is trained on the one loaded model, not on any of several", async () => {
  const before = models;
  models = [known, { ...known, digest: "cd".repeat(32) }];
  const client = connection.client(GatewayService);
  const training = trainOnProblems(client, "x", { problems, samples: 2, temperature: 1, seed: 1 }, () => {});
  await expect(training).rejects.toMatchObject({ reason: "MODEL_NOT_FOUND", field: "model" });
  models = before;
});
