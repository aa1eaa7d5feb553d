/** Revisions over the session protocol: what the model is shown, under which steering, and what is refused. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { SearchEnd } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chat, refusal, text } from "../support/asks.ts";
import { createSimulatedStack } from "../support/simulated-services.ts";
import { encode } from "../support/simulated-tokenizer.ts";

const words = { name: "words" };
const scaling = { strategy: "sequential-revision", budget: { candidates: 3 }, verifier: words, trace: true };

test("each revision is shown the attempts before it, and steered as the request is", async () => {
  const stack = createSimulatedStack();
  const shown: string[] = [];
  stack.forward.script = ({ prompt, strength }) => {
    shown.push(prompt);
    return encode(`${strength() > 0 ? "steered" : "plain"} try ${shown.length}`);
  };
  const { choices, search, usage } = await stack.client.complete(chat("sum!", { scaling, ...refusal() }));
  expect(search?.candidates.map((one) => one.text)).toEqual([
    "steered try 1",
    "steered try 2",
    "steered try 3",
  ]);
  expect(choices[0]?.finished?.steered).toBe(true);
  expect(shown[1]).toContain("steered try 1");
  expect(shown[2]).toContain("steered try 2");
  expect(shown[2]).toContain("There may be a mistake");
  expect(usage?.prefilledTokens ?? 0).toBeGreaterThan(3 * (usage?.promptTokens ?? 0));
  expect([...stack.forward.alive]).toEqual([]);
});

test.each(["sequential-revision", "ab-mcts", "auto"])(
  "%s refuses a prompt that is no conversation before anything is generated",
  async (strategy) => {
    const stack = createSimulatedStack();
    const parameters = { table: [{ up_to: 1, strategy: "sequential-revision" }] };
    const asked = { ...scaling, strategy, ...(strategy === "auto" ? { parameters } : {}) };
    const plain = await stack.client.complete(text("sum", { scaling: asked })).catch(fromConnectError);
    expect(plain).toMatchObject({ reason: "UNSUPPORTED", field: "scaling.strategy" });
    expect(stack.forward.commands).toEqual([]);
  },
);

test.each(["sequential-revision", "ab-mcts"])(
  "attempts that no longer fit into a prompt end %s with what it has, and it says so",
  async (strategy) => {
    const stack = createSimulatedStack();
    stack.forward.script = () => encode("long ".repeat(90));
    const asked = { ...scaling, strategy, budget: { candidates: 8 } };
    // With one seed in 50 ab-mcts begins anew each time, and no attempt is shown to another.
    const sampling = { seed: 1n };
    const { search, choices } = await stack.client.complete(chat("sum", { sampling, scaling: asked }));
    expect(choices[0]?.text).toStartWith("long long");
    expect(search?.end).toBe(SearchEnd.BUDGET);
    expect([...stack.forward.alive]).toEqual([]);
  },
);
