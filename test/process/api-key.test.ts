/** A stack with a key serves those who send it and nobody else; its own services send it to each other. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

const START_MS = 240_000;
let stack: Stack;

beforeAll(async () => {
  process.env["TRIMTAB_API_KEY"] = "a-key-of-this-test";
  const options = { modelPath: defaultModelPath(), threads: 1, host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack(options);
}, START_MS);
afterAll(async () => {
  delete process.env["TRIMTAB_API_KEY"];
  await stack?.close();
});

// Greedily: a drawn end of the text would leave nothing.
const spec = {
  prompt: { case: "text" as const, value: "The sea is" },
  maxTokens: 4,
  sampling: { temperature: 0 },
};

test("with the key an answer comes through all services", async () => {
  const answer = await stack.client.complete({ spec });
  expect(answer.choices[0]!.text).not.toBe("");
});

test("T14 without the key, or with another one, nothing is answered on any port", async () => {
  for (const options of [{}, { apiKey: "another" }]) {
    const stranger = connectTo({ address: `127.0.0.1:${stack.grpcPort}` }, options);
    const failure = await stranger
      .client(GatewayService)
      .complete({ spec })
      .then(
        () => undefined,
        (error: unknown) => fromConnectError(error).reason,
      );
    stranger.close();
    expect(failure).toBe("UNAUTHENTICATED");
  }
  const models = await fetch(`http://127.0.0.1:${stack.httpPort}/v1/models`);
  expect(models.status).toBe(401);
});
