/** Steer: new strength for a running generation, in effect from the next token, and only if steering says so. */
import { expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SteerRequestSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { fromConnectError } from "#kit/errors.ts";
import { chat, refusal } from "./support/asks.ts";
import { createSimulatedStack, type SimulatedStack } from "./support/simulated-services.ts";

const TOKENS = 6;

/** Runs a generation that says "s" for steered and "b" for base tokens, and calls `act` before token 3. */
async function runWith(stack: SimulatedStack, spec: object, act: (id: string) => Promise<unknown>) {
  let id = "";
  let acted: Promise<unknown> | undefined;
  stack.forward.script = function* ({ strength }) {
    for (let i = 0; i < TOKENS; i++) yield (strength() > 0 ? "s" : "b").charCodeAt(0);
  };
  stack.forward.beforeToken = async (_sequence, index) => {
    if (index === 3) await (acted ??= act(id).catch((error: unknown) => fromConnectError(error).reason));
  };
  let text = "";
  for await (const { event } of stack.client.generate(spec)) {
    if (event.case === "started") id = event.value.generationId;
    if (event.case === "delta") text += event.value.text;
  }
  return { text, acted: await acted };
}

test("new coefficients act from the next token on", async () => {
  const stack = createSimulatedStack();
  const { text } = await runWith(stack, chat("hello!", refusal()), (generationId) =>
    stack.client.steer({ generationId, scale: 0 }),
  );
  // The token drawn while the command was under way may still be of the old strength.
  expect(text).toMatch(/^s{3,4}b{2,3}$/);
  const plans = stack.steering.calls.filter((name) => name === "Plan");
  expect(plans).toHaveLength(2);
});

const WISHES: readonly (readonly [string, MessageInitShape<typeof SteerRequestSchema>])[] = [
  ["no dose", { dose: { dose: { case: "relative", value: 0 } } }],
  ["a dose at other blocks only", { scale: 1, activeLayers: [0, 1] }],
];
test.each(WISHES)("%s acts from the next token on", async (_name, wish) => {
  const stack = createSimulatedStack();
  const { text } = await runWith(stack, chat("hello!", refusal()), (generationId) =>
    stack.client.steer({ generationId, ...wish }),
  );
  expect(text).toMatch(/^s{3,4}b{2,3}$/);
});

test.each([
  ["a scale beside a dose", { scale: 1, dose: { dose: { case: "nats", value: 0.1 } } }, "INVALID_ARGUMENT"],
  ["an empty dose", { dose: {} }, "INVALID_ARGUMENT"],
  ["too many nats", { dose: { dose: { case: "nats", value: 11 } } }, "FIELD_OUT_OF_RANGE"],
] as const)("%s is refused and nothing changes", async (_name, wish, reason) => {
  const stack = createSimulatedStack();
  const { text, acted } = await runWith(stack, chat("hello!", refusal()), (generationId) =>
    stack.client.steer({ generationId, ...wish }),
  );
  expect({ text, acted }).toEqual({ text: "s".repeat(TOKENS), acted: reason });
});

test.each([5, Number.NaN, Number.POSITIVE_INFINITY])(
  "the scale %p is refused and nothing changes",
  async (scale) => {
    const stack = createSimulatedStack();
    const { text, acted } = await runWith(stack, chat("hello!", refusal()), (generationId) =>
      stack.client.steer({ generationId, scale }),
    );
    expect(text).toBe("s".repeat(TOKENS));
    expect(acted).toBe(Number.isFinite(scale) ? "FIELD_OUT_OF_RANGE" : "NON_FINITE");
  },
);

test("steering that fails leaves the generation as it was", async () => {
  const stack = createSimulatedStack();
  const { text, acted } = await runWith(stack, chat("hello!", refusal()), (generationId) => {
    stack.steering.before = () => Promise.reject(new Error("boom"));
    return stack.client.steer({ generationId, scale: 2 });
  });
  expect({ text, acted }).toEqual({ text: "s".repeat(TOKENS), acted: "STEERING_UNAVAILABLE" });
});

test("a generation without steering cannot be steered", async () => {
  const stack = createSimulatedStack();
  const { acted } = await runWith(stack, chat("hello!"), (generationId) =>
    stack.client.steer({ generationId, scale: 1 }),
  );
  expect(acted).toBe("INVALID_ARGUMENT");
});

test("a generation that has ended is not found", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(chat("hello!", refusal()));
  const generationId = answer.started?.generationId ?? "";
  const failure = await stack.client.steer({ generationId, scale: 1 }).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "SEQUENCE_NOT_FOUND", field: "generation_id" });
});
