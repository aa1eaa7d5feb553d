/** Clients that do not read what they asked for: nobody else is harmed. */
import { expect, test } from "bun:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { createModelHandlers } from "../../../services/forward/src/handlers/models.ts";
import { createRegistry, type Registry } from "../../../services/forward/src/registry.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

const REPORTS = 1_000;

test("a client that reads nothing of a load's progress does not fail the load, and reads all of it in the end", async () => {
  const path = await writeSyntheticModel();
  const real = createRegistry({ directories: [], engineOptions: { threads: 1 } });
  // A model so large that its loading is told a thousand times.
  const registry: Registry = {
    ...real,
    async load(_source, { onProgress } = {}) {
      for (let report = 1; report <= REPORTS; report++) onProgress?.(report, REPORTS);
      return await real.loadFile(path);
    },
  };
  const transport = createRouterTransport(({ service }) =>
    service(ForwardService, createModelHandlers(registry)),
  );
  const events = await Array.fromAsync(createClient(ForwardService, transport).loadModel({ source: "x" }));
  expect(events.filter(({ event }) => event.case === "progress")).toHaveLength(REPORTS);
  expect(events.at(-1)?.event.case).toBe("model");
  await real.close();
});
