/** Five processes that show each other certificates answer; none of the four behind the gateway answers who shows none. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { makeCertificates } from "../support/certificates.ts";
import { putTestDirection, steeredSpec } from "../support/direction.ts";
import { type ProcessStack, startProcessStack } from "../support/processes.ts";

const START_MS = 120_000;
const made = makeCertificates();
if (!made) console.log("skipped: TLS between processes needs openssl for its certificates");
const directory = mkdtempSync(join(tmpdir(), "trimtab-tls-"));
let processes: ProcessStack;

beforeAll(async () => {
  if (!made) return;
  const { cert, key, ca } = made.service;
  const tls = { TRIMTAB_TLS_CERT: cert, TRIMTAB_TLS_KEY: key, TRIMTAB_TLS_CA: ca };
  processes = await startProcessStack({ TRIMTAB_STORE: directory, ...tls });
}, START_MS);
afterAll(async () => {
  await processes?.close();
  made?.remove();
  rmSync(directory, { recursive: true, force: true });
});

test.skipIf(!made)("a steered answer comes through all five", async () => {
  await putTestDirection(processes.gateway);
  const { choices } = await processes.gateway.complete({ spec: steeredSpec("Tell me about the sea.", {}) });
  expect(choices[0]!.finished!.steered).toBe(true);
});

test.skipIf(!made)("services behind the gateway answer nobody without a certificate", async () => {
  for (const name of ["tokenizer", "forward", "verifier", "steering"]) {
    const stranger = connectTo({ address: processes.services[name]!.address });
    const failure = await stranger.client(ForwardService).listModels({}).catch(fromConnectError);
    stranger.close();
    expect(failure).toMatchObject({ reason: expect.stringMatching(/UNAVAILABLE$/) });
  }
});
