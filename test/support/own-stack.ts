/** All services on a model, started in this process with an artifact store of their own, which goes with them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Stack, type StackOptions, startStack } from "../../cli/src/compose.ts";

/** Starts them on free ports of this machine. */
export async function startOwnStack(options: Pick<StackOptions, "modelPath" | "threads">): Promise<Stack> {
  const store = mkdtempSync(join(tmpdir(), "trimtab-store-"));
  const before = process.env.TRIMTAB_STORE;
  process.env.TRIMTAB_STORE = store;
  try {
    const stack = await startStack({ ...options, host: "127.0.0.1", grpcPort: 0, httpPort: 0 });
    const close: Stack["close"] = async (closing) => {
      await stack.close(closing);
      rmSync(store, { recursive: true, force: true });
    };
    return { ...stack, close };
  } finally {
    if (before === undefined) delete process.env.TRIMTAB_STORE;
    else process.env.TRIMTAB_STORE = before;
  }
}
