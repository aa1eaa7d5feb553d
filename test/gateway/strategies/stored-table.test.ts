/** `auto` with a table that is stored: served by name, pinned in the answer, its probes billed; what is no table is refused. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { answering } from "../support/answering.ts";
import { chat, chatBody } from "../support/asks.ts";
import { MODEL_DIGEST } from "../support/simulated-forward.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const POLICY = { name: "policy", digest: DIGEST, kind: ArtifactKind.POLICY, modelDigest: MODEL_DIGEST };
/** The verifier counts words: the first text is hard (0.9), the second easy (0.4). */
const [HARD, EASY] = ["one", "one two three four five six"] as const;
const TABLE = [
  { up_to: 0.5, strategy: "greedy" },
  { up_to: 1, strategy: "best-of-n" },
];

function stackOf(texts: readonly string[], content: object = { probes: 2, table: TABLE }, more: object = {}) {
  const stack = answering(texts);
  stack.steering.artifacts.set("policy", {
    artifact: { ...POLICY, ...more },
    text: JSON.stringify(content),
  });
  return stack;
}

const scaling = (parameters: Record<string, string | number> = { table: "policy" }) => ({
  ...{ strategy: "auto", parameters, budget: { candidates: 6 } },
  verifier: { name: "words" },
});

interface Shown {
  readonly strategy: string;
  readonly parameters: object;
  readonly options: { readonly strategy: string; readonly parameters: object };
}

async function served(texts: readonly string[], parameters?: Record<string, string | number>) {
  const body = chatBody("hello", { scaling: scaling(parameters), seed: 9 });
  const response = await stackOf(texts).post("/v1/chat/completions", body);
  expect(response.status).toBe(200);
  const { choices, usage } = (await response.json()) as {
    choices: { trimtab: { search: Shown } }[];
    usage: { completion_tokens: number; trimtab: { scaling: { candidates: number } } };
  };
  return { ...choices[0]!.trimtab.search, ...usage.trimtab.scaling, tokens: usage.completion_tokens };
}

test("an easy prompt is answered greedily, a hard one by what the stored row says; probes are billed", async () => {
  const easy = await served([EASY]);
  expect(easy).toMatchObject({ strategy: "greedy", candidates: 3, tokens: 3 * EASY.length });
  const hard = await served([HARD]);
  expect(hard).toMatchObject({ strategy: "best-of-n", candidates: 6, tokens: 6 * HARD.length });
});

test("the answer names the table by digest and shows its rows and probes", async () => {
  const { parameters, options } = await served([EASY]);
  expect(options).toMatchObject({ strategy: "auto", parameters: { table: `policy@${DIGEST}`, probes: 2 } });
  expect(options.parameters).not.toHaveProperty("table_from");
  expect(parameters).toMatchObject({ table_from: `policy@${DIGEST}`, table: TABLE, probes: 2 });
  const asked = await served([EASY], { table: "policy", probes: 4 });
  expect(asked.parameters).toMatchObject({ probes: 4 });
});

test.each<[string, object, object, string, string]>([
  ["unknown", {}, {}, "elsewhere", "ARTIFACT_NOT_FOUND"],
  ["of another kind", {}, { kind: ArtifactKind.PROBE }, "policy", "ARTIFACT_INVALID"],
  ["of another model", {}, { modelDigest: "00" }, "policy", "ARTIFACT_INCOMPATIBLE"],
  ["that is nothing", null as never, {}, "policy", "ARTIFACT_INVALID"],
  ["that is a list", [], {}, "policy", "ARTIFACT_INVALID"],
  ["without rows", { table: [] }, {}, "policy", "ARTIFACT_INVALID"],
  ["naming another", { table: "policy" }, {}, "policy", "ARTIFACT_INVALID"],
  ["of no strategy", { table: [{ up_to: 1, strategy: "beans" }] }, {}, "policy", "ARTIFACT_INVALID"],
  ["without a table", { probes: 2 }, {}, "policy", "ARTIFACT_INVALID"],
  ["too large", { table: TABLE, report: "x".repeat(70_000) }, {}, "policy", "TOO_LARGE"],
])("a table %s is refused by its field, before a token", async (_, content, more, table, reason) => {
  const stack = stackOf([EASY], content, more);
  const failure = await stack.client
    .complete(chat("hello", { scaling: scaling({ table }) }))
    .catch(fromConnectError);
  expect(failure).toMatchObject({ reason, field: "scaling.parameters.table" });
});
