/** A model whose compute thread does not come back, unloaded: the unload ends, and the process learns that it should. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { dirname } from "node:path";
import { createRegistry } from "../../services/forward/src/registry.ts";
import { failure, generate, open, prompt } from "../support/forward-engine.ts";
import { isLeftOut, whyNoTrace } from "../support/abilities.ts";
import { writeSyntheticModel } from "../support/synthetic-model.ts";

const STALL_MS = 3_000;

test.skipIf(isLeftOut("X8", whyNoTrace()))(
  "X8 a compute thread that does not come back while its model is unloaded: the unload ends, and so does the process",
  async () => {
    const path = await writeSyntheticModel({ seed: 2, layers: 2, contextTokens: 65_536 } as never);
    const engineOptions = { threads: 1, stallMs: STALL_MS };
    const registry = createRegistry({ directories: [dirname(path)], engineOptions });
    const { engine } = await registry.loadFile(path);
    const { sequence } = await open(engine, prompt(20));
    const running = failure(generate(engine, sequence, { maxTokens: 0 }));
    const script = join(import.meta.dir, "support", "freeze_thread.py");
    const freezer = Bun.spawn(["python3", script, String(process.pid)], { stdin: "pipe", stdout: "pipe" });
    const { value } = await freezer.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toStartWith("stopped");
    try {
      await registry.unload(engine.model.digest);
      expect(await running).toMatchObject({ reason: "MODEL_NOT_LOADED" });
      expect(await registry.broken).toMatchObject({ reason: "SERVICE_UNAVAILABLE", limit: `${STALL_MS} ms` });
    } finally {
      freezer.stdin.end();
      await freezer.exited;
    }
  },
  120_000,
);
