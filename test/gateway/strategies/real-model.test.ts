/** A search on the real engine and the real verifier service, forward in a process of its own. */
import { afterAll, expect, test } from "bun:test";
import { startStack } from "../../../cli/src/compose.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { type FinalEvent, FinalEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { toJsonString } from "@bufbuild/protobuf";

const TIMEOUT_MS = 300_000;
const THREADS = 2;

const stack = await startStack({
  ...{ modelPath: defaultModelPath(), threads: THREADS, host: "127.0.0.1" },
  ...{ grpcPort: 0, httpPort: 0 },
});
afterAll(() => stack.close());

const messages = [
  { role: "user", content: "Compute 3 + 4 + 2" },
  { role: "assistant", content: "3 + 4 = 7\n7 + 2 = 9\nAnswer: 9" },
  { role: "user", content: "Compute 7 + 6 + 5" },
];
const spec = {
  prompt: { case: "conversation" as const, value: { messages } },
  sampling: { temperature: 0.8, seed: 5n },
  maxTokens: 24,
};
const step = { rule: { case: "separators" as const, value: { values: ["\n"] } } };
const filter = { strategy: "particle-filtering", budget: { candidates: 3 }, step, trace: true };
const probe = { name: "linear_probe", parameters: { weights: new Array<number>(576).fill(0), layer: 20 } };
const equations = { name: "equations", parameters: { aggregation: "min" } };

test(
  "steps end at their separator, forks share the prompt, and the same seed gives the same search",
  async () => {
    const reports: (FinalEvent | undefined)[] = [];
    for (let run = 0; run < 2; run++) {
      const steps: string[] = [];
      for await (const { event } of stack.client.generate({
        spec: { ...spec, scaling: { ...filter, verifier: equations } },
      })) {
        if (event.case === "completed") {
          const { scaling, promptTokens } = event.value.usage ?? {};
          expect(scaling?.prefilledTokens).toBeLessThanOrEqual(promptTokens ?? 0);
          expect(scaling?.prefilledTokensWithoutReuse).toBeGreaterThan(3 * (promptTokens ?? 0));
        }
        if (event.case !== "search") continue;
        const told = event.value.event;
        if (told.case === "step" && told.value.ended === 0) steps.push(told.value.text);
        if (told.case === "final") reports.push(told.value);
      }
      expect(steps.length).toBeGreaterThan(0);
      expect(steps.filter((text) => !text.trimStart().includes("\n"))).toEqual([]);
    }
    const [first, second] = reports.map((report) => report && toJsonString(FinalEventSchema, report));
    expect(first).toBe(second ?? "");
  },
  TIMEOUT_MS,
);

test(
  "best-of-n chooses among the very answers that n gives",
  async () => {
    const { choices } = await stack.client.complete({ spec: { ...spec, choices: 4 } });
    const scaling = { strategy: "best-of-n", budget: { candidates: 4 }, verifier: equations, trace: true };
    const { search } = await stack.client.complete({ spec: { ...spec, scaling } });
    expect(search?.candidates.map(({ text }) => text)).toEqual(choices.map(({ text }) => text));
  },
  TIMEOUT_MS,
);

test(
  "a verifier of hidden states judges every step at the price of one row, and changes no token",
  async () => {
    const read = { ...filter, strategy: "beam", parameters: { branching: 2 }, verifier: probe };
    const blind = {
      ...read,
      verifier: { name: "length", parameters: { max: 100_000 } },
      processVerifier: { name: "equations" },
    };
    const { usage, search } = await stack.client.complete({ spec: { ...spec, scaling: read } });
    expect(usage?.scaling?.verifierTokens).toBe(usage?.scaling?.verifierCalls ?? -1);
    expect(usage?.scaling?.verifierCalls).toBeGreaterThan(4);
    // A probe of zeros says one half of everything.
    expect(new Set(search?.candidates.flatMap(({ score }) => score ?? []))).toEqual(new Set([0.5]));
    const first = (report: FinalEvent | undefined) =>
      report?.candidates.find(({ candidate }) => candidate === 1)?.text.split("\n")[0];
    const other = await stack.client.complete({ spec: { ...spec, scaling: blind } });
    expect(first(search)).toBe(first(other.search) ?? "");
  },
  TIMEOUT_MS,
);

test(
  "an answer to a schema that halts and is read at every comma parses, as every candidate that ended does",
  async () => {
    const properties = {
      age: { type: "integer", minimum: 0, maximum: 120 },
      tags: { type: "array", items: { enum: ["red", "blue"] }, minItems: 2, maxItems: 3 },
    };
    const schema = JSON.stringify({ type: "object", properties, required: Object.keys(properties) });
    const messages = [{ role: "user", content: "Describe Anna, 30, who likes red and blue, as JSON." }];
    const { choices, search } = await stack.client.complete({
      spec: {
        ...{ ...spec, maxTokens: 80 },
        prompt: { case: "conversation", value: { messages } },
        constraint: { kind: { case: "jsonSchema", value: { schema } } },
        scaling: {
          ...filter,
          step: { rule: { case: "separators", value: { values: [","] } } },
          verifier: probe,
        },
      },
    });
    const ended = search?.candidates.filter(({ reason }) => reason === FinishReason.STOP) ?? [];
    expect(choices[0]?.finished?.reason).toBe(FinishReason.STOP);
    for (const { text } of ended) expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(properties));
  },
  TIMEOUT_MS,
);
