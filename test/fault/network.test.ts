/** Bad networks between our services: slow and sliced ones change nothing, silent and lying ones end in a typed error (rows X6-X11). */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createEcho, ECHO_SERVICES } from "../services/kit/echo.ts";
import { freePort } from "../../bench/src/ours/processes.ts";
import { type Mode, type Proxy, startProxy } from "./support/proxy.ts";

setDefaultTimeout(120_000);
const PINGS = { pingIntervalMs: 1_000, pingTimeoutMs: 1_000 };
let server: Server;
let proxy: Proxy;

beforeAll(async () => {
  const { routes } = createEcho();
  server = await startServer({ name: "echo", services: ECHO_SERVICES, routes, grpc: {}, internal: true });
  proxy = await startProxy(server.grpcPort);
});
afterAll(async () => {
  proxy.close();
  await server.close({ graceMs: 0 });
});

const connectThrough = () => connectTo({ address: `127.0.0.1:${proxy.port}` }, PINGS);

async function reasonOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "none",
    (error: unknown) => fromConnectError(error).reason,
  );
}

test.each<[Mode, number]>([
  ["slice", 20_000],
  ["slow", 40_000],
])("X9 over a network that is %s a message arrives whole", async (mode, length) => {
  proxy.mode = mode;
  // As patient with pings as our services are: a slow network is not a silent one.
  const connection = connectTo({ address: `127.0.0.1:${proxy.port}` });
  const text = "a".repeat(length);
  const { encodings } = await connection
    .client(TokenizerService)
    .encode({ texts: [text] }, { timeoutMs: 20_000 });
  expect(encodings[0]?.ids).toHaveLength(length);
  connection.close();
});

test("X10 a connection that falls silent fails its calls, and the next one works when the network is back", async () => {
  proxy.mode = "pass";
  const connection = connectThrough();
  const client = connection.client(TokenizerService);
  await client.encode({ texts: ["a"] });
  const stuck = reasonOf(client.encode({ texts: ["stuck"] }, { timeoutMs: 20_000 }));
  const stream = reasonOf(Array.fromAsync(client.getVocabulary({ modelDigest: "10" })));
  await Bun.sleep(50);
  proxy.mode = "silent";
  expect([await stuck, await stream]).toEqual(["SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"]);
  proxy.mode = "pass";
  expect(await reasonOf(client.encode({ texts: ["a"] }))).toBe("none");
  connection.close();
});

test.each<Mode>(["close", "page"])("X11 a peer that answers with %s is SERVICE_UNAVAILABLE", async (mode) => {
  proxy.mode = mode;
  const connection = connectThrough();
  const call = connection.client(TokenizerService).encode({ texts: ["a"] }, { timeoutMs: 5_000 });
  expect(await reasonOf(call)).toBe("SERVICE_UNAVAILABLE");
  connection.close();
});

test("X11 a refused connection is SERVICE_UNAVAILABLE", async () => {
  const connection = connectTo({ address: `127.0.0.1:${await freePort()}` });
  expect(await reasonOf(connection.client(TokenizerService).encode({ texts: ["a"] }))).toBe(
    "SERVICE_UNAVAILABLE",
  );
  connection.close();
});

const CHILD = join(import.meta.dir, "support", "echo-process.ts");

async function startChild(limits = "") {
  const command = `${limits} exec "${process.execPath}" "${CHILD}"`;
  const child = Bun.spawn(["sh", "-c", command], { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { child, port: Number(new TextDecoder().decode(value)) };
}

test("X6 a stopped process fails its calls by pings, and is served by again when it goes on", async () => {
  const { child, port } = await startChild();
  const connection = connectTo({ address: `127.0.0.1:${port}` }, PINGS);
  const client = connection.client(TokenizerService);
  await client.encode({ texts: ["a"] });
  child.kill("SIGSTOP");
  expect(await reasonOf(client.encode({ texts: ["a"] }, { timeoutMs: 20_000 }))).toBe("SERVICE_UNAVAILABLE");
  child.kill("SIGCONT");
  // A late answer is nobody's: the next call gets its own.
  const { encodings } = await client.encode({ texts: ["bb"] }, { timeoutMs: 20_000 });
  expect(encodings[0]?.ids).toHaveLength(2);
  connection.close();
  child.kill("SIGKILL");
  await child.exited;
});

test("X20 a process without file descriptors serves again when connections go", async () => {
  const { child, port } = await startChild("ulimit -n 48;");
  const connections = Array.from({ length: 60 }, () => connectTo({ address: `127.0.0.1:${port}` }, PINGS));
  const call = (connection: (typeof connections)[number]) =>
    reasonOf(connection.client(TokenizerService).encode({ texts: ["a"] }, { timeoutMs: 1_500 }));
  const outcomes = await Promise.all(connections.map(call));
  expect(outcomes.filter((reason) => reason === "none").length).toBeGreaterThan(0);
  expect(outcomes.filter((reason) => reason === "none").length).toBeLessThan(60);
  for (const connection of connections) connection.close();
  const late = connectTo({ address: `127.0.0.1:${port}` }, PINGS);
  while ((await call(late)) !== "none") await Bun.sleep(100);
  late.close();
  child.kill("SIGKILL");
  await child.exited;
});

test("X29 a process whose log nobody reads serves on", async () => {
  const { child, port } = await startChild("TRIMTAB_LOG=debug TRIMTAB_FLOOD=1");
  const connection = connectTo({ address: `127.0.0.1:${port}` }, PINGS);
  const client = connection.client(TokenizerService);
  for (let i = 0; i < 20; i++) expect(await reasonOf(client.encode({ texts: ["a"] }))).toBe("none");
  connection.close();
  child.kill("SIGKILL");
  await child.exited;
});
