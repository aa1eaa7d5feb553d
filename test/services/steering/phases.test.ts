/** Masks by phase: a use acts on the tokens of its phases and on no others; phases are told by single tokens of the model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { type SteeringUse, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Phase, Pooling, Scope, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { createPhaseMarkers } from "../../../services/steering/src/phases.ts";
import { type PhaseMarker, phaseTeller } from "../../../services/forward/src/programs/program.ts";
import { reasonOf } from "../../support/forward-service.ts";
import { type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await stack.fit({ name: "mean", method: "response_contrast", options: { layers: [2] } });
});
afterAll(() => stack.close());

/** A word a token: <user> in front, <end> <assistant> behind. */
const TEXT = "say <think> one two </think> now <tool_call> call it </tool_call> please <|eot_id|> well";

async function rowsUnder(phases: readonly Phase[] | undefined): Promise<string[]> {
  const ids = stack.idsOf(TEXT);
  const both = [Scope.PROMPT, Scope.DECODE].map((scope) => ({
    ...{ direction: "mean", scope, phases: [...(phases ?? [])] },
    dose: { dose: { case: "relative", value: 0.2 } as const },
  }));
  const program = phases && (await stack.plan(TEXT, { parts: both })).program;
  const taps = [
    { site: Site.RESIDUAL, layers: [2], positions: TapPositions.RANGE, pooling: Pooling.NONE, first: 0 },
  ];
  const rows: string[] = [];
  const { modelDigest } = stack;
  for await (const { activations } of stack.forward.capture({
    ...{ modelDigest, taps, items: [{ ids, first: 0 }] },
    ...(program ? { program } : {}),
  }))
    for (const { values } of activations) {
      const width = 4 * (values?.shape.at(-1) ?? 1);
      for (let at = 0; at < (values?.data.length ?? 0); at += width)
        rows.push(Buffer.from(values!.data.subarray(at, at + width)).toString("base64"));
    }
  expect(rows).toHaveLength(ids.length);
  return rows;
}

test("tokens of the phases are moved, all others are left alone to the bit, and together they are the text", async () => {
  const base = await rowsUnder(undefined);
  const moved = async (...phases: Phase[]) => {
    const rows = await rowsUnder(phases);
    return ["<user>", ...TEXT.split(" "), "<end>", "<assistant>"].filter((_, at) => rows[at] !== base[at]);
  };
  expect(await moved(Phase.THINK)).toEqual(["<think>", "one", "two", "</think>"]);
  expect(await moved(Phase.TOOL_CALL)).toEqual(["<tool_call>", "call", "it", "</tool_call>"]);
  expect(await moved(Phase.TEMPLATE)).toEqual(["<|eot_id|>"]);
  expect((await moved(Phase.TEXT)).join(" ")).toBe("<user> say now please well <end> <assistant>");
  expect(await moved(Phase.TEXT, Phase.THINK, Phase.TOOL_CALL, Phase.TEMPLATE)).toHaveLength(base.length);
});

test("a span ends at its own closing token or at the next opening one, and nothing else opens it", () => {
  const markers: PhaseMarker[] = [
    { phase: "think", openId: 1, closeId: 2 },
    { phase: "template", openId: 8, closeId: 9 },
    { phase: "tool_call", openId: 5, closeId: null },
  ];
  const phaseAt = phaseTeller(markers);
  const phases = (...ids: number[]) => ids.map((_, at) => phaseAt(ids, at)[2]).join("");
  const [text, think, tool, template] = ["x", "i", "o", "m"];
  expect(phases(0, 1, 0, 2, 0)).toBe(`${text}${think}${think}${think}${text}`);
  // Another marker's closing token closes nothing; an opening one ends the span that is open.
  expect(phases(1, 9, 0, 8, 0, 9, 0)).toBe(
    `${think}${think}${think}${template}${template}${template}${text}`,
  );
  expect(phases(2, 9, 5, 0, 1)).toBe(`${text}${text}${tool}${text}${think}`);
});

test("a phase that the model has no token for is refused, and so is one that is none", async () => {
  const use = (phase: number): SteeringUse[] => [create(SteeringUseSchema, { phases: [phase] })];
  let calls = 0;
  const encode = async ({ texts = [] }: { texts?: string[] }) => {
    calls++;
    // Two pieces for everything but the tags of a think block.
    return { encodings: texts.map((text, at) => ({ ids: /think/.test(text) ? [at] : [at, at] })) };
  };
  const markers = createPhaseMarkers({ tokenizer: { encode } as never });
  expect(await reasonOf(markers.of(use(Phase.TOOL_CALL), "d"))).toBe("UNSUPPORTED");
  expect(await reasonOf(markers.of(use(99), "d"))).toBe("FIELD_OUT_OF_RANGE");
  expect(await markers.of(use(Phase.THINK), "d")).toHaveLength(1);
  expect(await markers.of([create(SteeringUseSchema)], "other")).toEqual([]);
  expect(calls).toBe(1);
});
