/** The clock of the wall jumps: deadlines and leases follow the monotonic clock, ids stay unique (row X19). */
import { afterEach, expect, setSystemTime, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { forwardCall } from "#kit/interceptors.ts";
import { startServer } from "#kit/server.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createAdmission } from "../../gateway/src/admission/admission.ts";
import { ADMISSION_LIMITS } from "../../gateway/src/limits.ts";
import { createLeases } from "../../services/forward/src/leases.ts";

const HOUR_MS = 3_600_000;
const JUMPS = [HOUR_MS, -HOUR_MS, 365 * 24 * HOUR_MS, -1_000];
afterEach(() => void setSystemTime());

test.each(JUMPS)("X19 a jump of %p ms changes no deadline of a call under way", async (jumpMs) => {
  const inner: (number | undefined)[] = [];
  const server = await startServer({
    name: "clock",
    services: [TokenizerService],
    grpc: {},
    routes: (router) =>
      router.service(TokenizerService, {
        encode(_, context) {
          setSystemTime(new Date(Date.now() + jumpMs));
          inner.push(forwardCall(context).timeoutMs);
          setSystemTime();
          return {};
        },
      }),
  });
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` });
  await connection
    .client(TokenizerService)
    .encode({ texts: ["a"] }, { timeoutMs: 5_000 })
    .catch(fromConnectError);
  expect(inner[0]).toBeGreaterThan(1);
  expect(inner[0]).toBeLessThanOrEqual(5_000);
  connection.close();
  await server.close({ graceMs: 0 });
});

test("X19 leases and admission do not see a jump, and names stay unique", async () => {
  const engine = { call: () => Promise.resolve() } as never;
  const leases = createLeases();
  const names = [leases.add({ engine, sequence: 1, leaseMs: 60_000 })];
  const admission = createAdmission(ADMISSION_LIMITS);
  const ask = { key: "k", band: "normal", tokens: 10, share: { tokensPerSecond: 1 } } as const;
  const { signal } = new AbortController();
  await admission.enter({ ...ask, signal });
  for (const jumpMs of JUMPS) {
    setSystemTime(new Date(Date.now() + jumpMs));
    expect(leases.find(engine, names[0] ?? "").sequence).toBe(1);
    names.push(leases.add({ engine, sequence: 2, leaseMs: 60_000 }));
    const refused = await admission.enter({ ...ask, signal }).then(
      () => "let in",
      (error: { reason: string }) => error.reason,
    );
    expect(refused).toBe("RATE_LIMITED");
  }
  expect(new Set(names).size).toBe(names.length);
  leases.close();
});
