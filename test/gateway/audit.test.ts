/** The audit log is written before a program acts: what cannot be written down is not done. */
import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasReason } from "#kit/errors.ts";
import { createAudit } from "../../gateway/src/audit.ts";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const CHAT = "/v1/chat/completions";
const directory = mkdtempSync(join(tmpdir(), "trimtab-audit-"));
afterEach(() => {
  delete process.env.TRIMTAB_AUDIT_LOG;
  rmSync(directory, { recursive: true, force: true });
});

test("a log that cannot be written stops a gateway from starting, or later its steering, and nothing else", async () => {
  const log = (process.env.TRIMTAB_AUDIT_LOG = join(directory, "kept", "audit.log"));
  let refusal: unknown;
  try {
    createAudit();
  } catch (error) {
    refusal = error;
  }
  expect(hasReason(refusal, "INVALID_ARGUMENT")).toBe(true);
  mkdirSync(join(directory, "kept"));
  const { post, forward } = createSimulatedStack();
  const steered = () => post(CHAT, chatBody("hello!", { steering: { recipe: "refusal" } }));
  expect((await steered()).status).toBe(200);
  expect(readFileSync(log, "utf8").trim().split("\n")).toHaveLength(1);
  rmSync(join(directory, "kept"), { recursive: true });
  forward.commands.length = 0;
  expect(await outcome(await steered())).toEqual([503, "steering_unavailable", null]);
  expect(forward.commands.filter(({ command }) => command.case === "generate")).toEqual([]);
  expect((await post(CHAT, chatBody("hello"))).status).toBe(200);
});
