/** Which of a server's models a command is about. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { TrimtabError } from "#kit/errors.ts";
import { startKeyedStack } from "../gateway/support/keyed-stack.ts";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
let served: Awaited<ReturnType<typeof startKeyedStack>>;
let address: string[];

beforeAll(async () => {
  served = await startKeyedStack(createKeyGate({ apiKey: "" }));
  // A server that will not choose for itself.
  const { forward } = served.stack.clients;
  const { getModel } = forward;
  Object.assign(forward, {
    getModel: async (request: { model: string }, options: object) => {
      if (request.model === "") throw new TrimtabError("MODEL_NOT_FOUND", "several are loaded");
      return await getModel(request, options);
    },
  });
  address = ["--address", `127.0.0.1:${served.server.grpcPort}`];
});
afterAll(() => served.server.close({ graceMs: 0 }));

test("a model of the server is named by --model; another is refused by the server", async () => {
  const ask = (...more: string[]) => runCommand(["generate", "Hello", ...address, ...more]);
  expect(await ask("--model", "simulated")).toMatchObject({ code: 0, stdout: "Sure, I help.\n" });
  expect((await ask()).code).not.toBe(0);
  const unknown = await ask("--model", "nope");
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain("nope");
  const read = await runCommand(["capture", "Hello", ...address, "--model", "nope", "--out", "/dev/null"]);
  expect(read.stderr).toContain("the server has no model nope; it has simulated");
});
