/** What GetRequirements announces is what Plan names: a request that decides again acts by it before its gate has opened. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ConflictRule } from "#proto/trimtab/type/v1/program_pb.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";
import { readPrompt, startSimulatedService } from "./support/simulated-steering.ts";

type Use = MessageInitShape<typeof SteeringUseSchema>;
const service = startSimulatedService();
const { client, clients } = service;
beforeAll(() => service.buildRecipe());
afterAll(service.close);

async function both(steering: Use, text: string) {
  const { taps, programDigests } = await client.getRequirements({ modelDigest, steering });
  const activations = await readPrompt(clients, text, taps);
  const { program } = await client.plan({ modelDigest, steering, activations });
  return { announced: programDigests, named: program?.programDigest };
}

const recipe = { recipe: "refusal" };
const uses: readonly (readonly [string, Use])[] = [
  ["plain", recipe],
  ["decaying", { ...recipe, decay: 0.5 }],
  ["clamped", { ...recipe, clamp: true, cap: 0.5 }],
  ["ranked", { ...recipe, priority: 3 }],
  ["one part under a rule", { parts: [recipe], conflictRule: ConflictRule.ORTHOGONALIZE }],
  ["one part, clamped", { parts: [recipe], clamp: true }],
];

test.each(uses)("a use that is %s", async (_name, use) => {
  const { announced, named } = await both(use, "do bad thing number 777");
  expect(announced).toEqual([named as string]);
  // Left alone, it may be named later, when nobody plans anew.
  expect((await both(use, "do kind thing number 777")).named).toBe("");
  const { program } = await client.getProgram({ programDigest: announced[0] ?? "" });
  expect(program?.operations.length).toBeGreaterThan(0);
});
