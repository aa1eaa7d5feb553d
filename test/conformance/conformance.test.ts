/**
 * The Connect conformance suite (Go module connectrpc.com/conformance) against kit's listeners and kit's client. In the long run
 * only, and only where there is a Go toolchain: the suite is built from its module, nothing of it is kept here.
 */
import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isLeftOut } from "../support/abilities.ts";
import { reportCount } from "../support/counts.ts";

const VERSION = "v1.0.5";
const MODULE = "connectrpc.com/conformance";
const ROOT = join(import.meta.dir, "..", "..");
const FOLDER = join(ROOT, "build", "conformance");
const DESCRIPTORS = join(FOLDER, "suite.binpb");
const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const isWanted =
  isFull && !isLeftOut("conformance", Bun.which("go") === null ? "there is no Go toolchain" : undefined);
setDefaultTimeout(20 * 60_000);

const common = {
  supports_h2c: true,
  supports_tls: false,
  supports_trailers: true,
  supports_message_receive_limit: true,
};
/** What kit claims: gRPC, Connect and gRPC-Web on the server, gRPC between our own services on the client. */
const FEATURES = {
  server: {
    ...common,
    versions: ["HTTP_VERSION_1", "HTTP_VERSION_2"],
    protocols: ["PROTOCOL_CONNECT", "PROTOCOL_GRPC", "PROTOCOL_GRPC_WEB"],
    codecs: ["CODEC_PROTO", "CODEC_JSON"],
    compressions: ["COMPRESSION_IDENTITY", "COMPRESSION_GZIP"],
    supports_connect_get: true,
  },
  client: {
    ...common,
    versions: ["HTTP_VERSION_2"],
    protocols: ["PROTOCOL_GRPC"],
    codecs: ["CODEC_PROTO"],
    compressions: ["COMPRESSION_IDENTITY"],
    supports_connect_get: false,
  },
} as const;

async function run(command: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd: FOLDER,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0)
    throw new Error(`${command.slice(0, 3).join(" ")} ended with ${code}: ${(out + err).slice(-4_000)}`);
  return out + err;
}

beforeAll(async () => {
  if (!isWanted) return;
  mkdirSync(FOLDER, { recursive: true });
  await run(["go", "install", `${MODULE}/cmd/connectconformance@${VERSION}`], { GOBIN: FOLDER });
  const modules = (await run(["go", "env", "GOMODCACHE"])).trim();
  const buf = join(ROOT, "node_modules", ".bin", "buf");
  await run([buf, "build", join(modules, `${MODULE}@${VERSION}`, "proto"), "-o", DESCRIPTORS]);
});

test.skipIf(!isWanted).each(["server", "client"] as const)(
  "the conformance suite passes against kit's %s",
  async (mode) => {
    const config = join(FOLDER, `${mode}.json`);
    writeFileSync(config, JSON.stringify({ features: FEATURES[mode] }));
    const program = join(import.meta.dir, `${mode}-program.ts`);
    const runner = join(FOLDER, "connectconformance");
    // Two at a time: on a machine that is busier, what is to happen within 200 ms comes later than the suite waits. A client is
    // told its calls one by one, and the suite takes no number for it.
    const few = mode === "server" ? ["--parallel", "2", "--max-servers", "2"] : [];
    const output = await run(
      [runner, "--mode", mode, "--conf", config, ...few, "--", process.execPath, program],
      { TRIMTAB_CONFORMANCE: DESCRIPTORS },
    );
    const [, passed = "0", failed = ""] = /(\d+) passed, (\d+) failed/.exec(output) ?? [];
    reportCount(`conformance of the ${mode}`, Number(passed), `${failed} failed`);
    expect([Number(passed) > 0, failed]).toEqual([true, "0"]);
  },
);

test("the suite's programs are here, whoever can run them", () => {
  for (const mode of ["server", "client"])
    expect(Bun.file(join(import.meta.dir, `${mode}-program.ts`)).size).toBeGreaterThan(0);
});
