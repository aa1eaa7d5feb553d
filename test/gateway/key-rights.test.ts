/** What a key may do, over every API: steering it is limited to, methods for operators, metrics, its priority. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import type { Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { operatorMethods } from "../../gateway/index.ts";
import { chat, chatBody, outcome, refusal } from "./support/asks.ts";
import { keyed, startKeyedStack } from "./support/keyed-stack.ts";
import type { SimulatedStack } from "./support/simulated-services.ts";

const keys = [
  keyed("gentle", { steeringScale: 1.5, steeringDose: 0.2 }),
  keyed("app"),
  keyed("narrow", { steering: ["candour"] }),
  keyed("root", { operator: true }),
];
const gate = createKeyGate({ apiKey: "", keys, operatorMethods });
let stack: SimulatedStack;
let server: Server;

beforeAll(async () => {
  ({ stack, server } = await startKeyedStack(gate));
});
afterAll(() => server.close({ graceMs: 0 }));

async function reasonOf(
  name: string,
  call: (client: SimulatedStack["client"]) => Promise<unknown>,
): Promise<string> {
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` }, { apiKey: `key-of-${name}` });
  try {
    await call(connection.client(GatewayService));
    return "none";
  } catch (error) {
    return fromConnectError(error).reason;
  } finally {
    connection.close();
  }
}

test("a key steers with what it is permitted, pinned or not, and with nothing else", async () => {
  const steered = (name: string, recipe: string) =>
    reasonOf(name, (client) => client.complete(chat("hello!", refusal({}, { recipe }))));
  expect(await steered("app", "refusal")).toBe("none");
  expect(await steered("narrow", "refusal")).toBe("PERMISSION_DENIED");
  expect(await steered("narrow", `refusal@sha256:${"0".repeat(64)}`)).toBe("PERMISSION_DENIED");
  // Permitted, but not built.
  expect(await steered("narrow", "candour")).toBe("RECIPE_NOT_FOUND");
  expect(await reasonOf("narrow", (client) => client.complete(chat("hello")))).toBe("none");
});

test("a key steers no harder than it is permitted, in parts and in whole", async () => {
  const steered = (use: object, scale?: number) => {
    const parts = [{ recipe: "refusal", ...use }];
    const whole = scale === undefined ? parts[0] : { parts, scale };
    return reasonOf("gentle", (client) =>
      client.complete(chat("hello!", { steering: { use: { ...whole } } })),
    );
  };
  expect(await steered({ scale: 1.25 })).toBe("none");
  expect(await steered({ scale: -2 })).toBe("PERMISSION_DENIED");
  expect(await steered({ scale: 1 }, 2)).toBe("PERMISSION_DENIED");
  expect(await steered({ dose: { dose: { case: "relative", value: 0.2 } } })).toBe("none");
  expect(await steered({ dose: { dose: { case: "relative", value: 0.3 } } })).toBe("PERMISSION_DENIED");
  expect(await steered({ dose: { dose: { case: "nats", value: 0.1 } } })).toBe("PERMISSION_DENIED");
});

test("what a fork would search with is steering, too, and a fork searches nothing", async () => {
  const scaling = {
    ...{ strategy: "best-of-n", verifier: { name: "words" }, budget: { candidates: 2 } },
    diversify: [{ recipe: "refusal" }],
  };
  const fork = (name: string) =>
    reasonOf(name, (client) => client.fork({ ...chat("hello!", { scaling }), continuations: [""] }));
  expect(await fork("narrow")).toBe("PERMISSION_DENIED");
  expect(await fork("app")).toBe("UNSUPPORTED");
});

test("a composition under way is steered no harder than its key may, the strengths of its parts counted", async () => {
  const { script, beforeToken } = stack.forward;
  let id = "";
  const told: Promise<string>[] = [];
  const steer = (scale: number) => reasonOf("gentle", (client) => client.steer({ generationId: id, scale }));
  stack.forward.script = () => Array<number>(6).fill(97);
  stack.forward.beforeToken = async (_sequence, index) => {
    if (index === 3) await (told[0] ??= steer(1.5));
    if (index === 4) await (told[1] ??= steer(1.1));
  };
  const use = { parts: [{ recipe: "refusal", scale: 1.25 }] };
  const outcome = await reasonOf("gentle", async (client) => {
    for await (const { event } of client.generate(chat("hello!", { steering: { use } }))) {
      if (event.case === "started") id = event.value.generationId;
    }
  });
  expect([outcome, ...(await Promise.all(told))]).toEqual(["none", "PERMISSION_DENIED", "none"]);
  Object.assign(stack.forward, { script, beforeToken });
});

test("the same in a body, which names the field", async () => {
  const headers = { "content-type": "application/json", authorization: "Bearer key-of-narrow" };
  const body = chatBody("hello!", { steering: { recipe: "refusal" } });
  const answer = await stack.post("/v1/chat/completions", body, { headers });
  expect(await outcome(answer)).toEqual([403, "permission_denied", "steering.recipe"]);
});

test("what changes things for others needs an operator's key", async () => {
  const put = (client: SimulatedStack["client"]) => client.putArtifact({});
  expect(await reasonOf("app", put)).toBe("PERMISSION_DENIED");
  expect(await reasonOf("root", put)).toBe("FIELD_REQUIRED");
  expect(operatorMethods.size).toBe(9);
  const metrics = async (name: string) => {
    const headers = { authorization: `Bearer key-of-${name}` };
    return (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`, { headers })).status;
  };
  expect([await metrics("app"), await metrics("root"), await metrics("nobody")]).toEqual([403, 200, 401]);
});

test("a priority that is none is refused", async () => {
  const headers = {
    ...{ "content-type": "application/json", authorization: "Bearer key-of-app" },
    "x-priority": "urgent",
  };
  const answer = await stack.post("/v1/chat/completions", chatBody("hello"), { headers });
  expect(await outcome(answer)).toEqual([400, "invalid_argument", "x-priority"]);
});
