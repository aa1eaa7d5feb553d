/** Server reflection, seen by `buf curl`. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createKeyGate } from "#kit/auth.ts";
import { type Server, startServer } from "#kit/server.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const KEY = "test-key";
const ROOT = join(import.meta.dir, "../../..");
const BUF = join(ROOT, "node_modules/.bin/buf");
const SERVICE = "trimtab.tokenizer.v1.TokenizerService";
let server: Server;
let address: string;

beforeAll(async () => {
  const options = {
    name: "echo",
    services: ECHO_SERVICES,
    routes: createEcho().routes,
    gate: createKeyGate({ apiKey: KEY }),
  };
  server = await startServer({ ...options, grpc: {} });
  address = `127.0.0.1:${server.grpcPort}`;
});
afterAll(() => server.close({ graceMs: 0 }));

async function bufCurl(...args: string[]): Promise<string> {
  const child = Bun.spawn([BUF, "curl", "--http2-prior-knowledge", "--protocol", "grpc", ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return (await child.exited) === 0 ? out : `${out}${error}`;
}
const withKey = [
  "--header",
  `authorization: Bearer ${KEY}`,
  "--reflect-header",
  `authorization: Bearer ${KEY}`,
];

test.each(["grpc-v1", "grpc-v1alpha"])(
  "buf curl finds and calls methods through %s reflection",
  async (protocol) => {
    const reflection = [...withKey, "--reflect-protocol", protocol];
    const list = await bufCurl(...reflection, "--list-methods", `http://${address}`);
    expect(list).toContain(`${SERVICE}/Encode`);
    expect(list).toContain("trimtab.forward.v1.ForwardService/Session");
    const answer = await bufCurl(
      ...reflection,
      "-d",
      '{"texts":["A"]}',
      `http://${address}/${SERVICE}/Encode`,
    );
    expect(JSON.parse(answer)).toEqual({ encodings: [{ ids: [65] }] });
  },
  120_000,
);

test("buf curl without the key is told so", async () => {
  const answer = await bufCurl("--schema", ROOT, "-d", "{}", `http://${address}/${SERVICE}/Encode`);
  expect(answer).toContain("unauthenticated");
}, 120_000);
