/** What recipes need is remembered for a moment, and never what was asked for before names came to mean something else. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ModelSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { GatewayClients } from "../../gateway/src/clients.ts";
import { createRequirements } from "../../gateway/src/flow/requirements.ts";

const KEPT_MS = 2_000;
const model = create(ModelSchema, { digest: "ab" });
const use = create(SteeringUseSchema, { recipe: "refusal" });
const scope = { signal: new AbortController().signal };

function setup() {
  let nowMs = 0;
  const asked: ((resolved: string) => void)[] = [];
  const getRequirements = () =>
    new Promise((resolve) => asked.push((resolved) => resolve({ resolved, resolvedParts: [] })));
  const clients = { steering: { getRequirements } } as never as GatewayClients;
  const requirements = createRequirements(clients, () => nowMs);
  return {
    asked,
    requirements,
    resolved: () => requirements.get(model, use, scope).then((answer) => answer.resolved),
    pass: (ms: number) => void (nowMs += ms),
  };
}

test("they are asked for again after a while, and at once after names changed", async () => {
  const { asked, requirements, resolved, pass } = setup();
  const first = resolved();
  asked[0]?.("old");
  expect([await first, await resolved(), asked.length]).toEqual(["old", "old", 1]);
  requirements.clear();
  const second = resolved();
  asked[1]?.("new");
  expect([await second, await resolved(), asked.length]).toEqual(["new", "new", 2]);
  pass(KEPT_MS + 1);
  const third = resolved();
  asked[2]?.("newest");
  expect(await third).toBe("newest");
});

test("an answer that was on its way when names changed is not kept", async () => {
  const { asked, requirements, resolved } = setup();
  const before = resolved();
  requirements.clear();
  asked[0]?.("old");
  expect(await before).toBe("old");
  const after = resolved();
  asked[1]?.("new");
  expect(await after).toBe("new");
});
