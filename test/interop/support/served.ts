/** The whole stack on the real model and real sockets, for clients in other languages and libraries. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack } from "../../../cli/src/compose.ts";
import { defaultModelPath } from "#kit/paths.ts";

/** Where the gateway listens, and how to steer it. */
export interface Served {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** A steering request as JSON, in snake_case: a direction made from a few texts, strong enough to be seen. */
  readonly steering: string;
  close(): Promise<void>;
}

const DIRECTION = "interop";
const THREADS = 2;

/** Starts it, with an artifact store of its own. */
export async function serveGateway(): Promise<Served> {
  const store = mkdtempSync(join(tmpdir(), "trimtab-interop-"));
  const before = process.env.TRIMTAB_STORE;
  process.env.TRIMTAB_STORE = store;
  try {
    const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
    const stack = await startStack({ modelPath: defaultModelPath(), threads: THREADS, ...listen });
    await stack.client.extractVector({
      name: DIRECTION,
      positive: ["I love this wonderful day!", "What a joy, how happy I am!"],
      negative: ["I hate this awful day.", "What a misery, how sad I am."],
    });
    const { grpcPort, httpPort } = stack;
    return {
      grpcPort,
      httpPort,
      steering: JSON.stringify({ direction: DIRECTION, dose: { relative: 0.3 } }),
      async close() {
        await stack.close();
        rmSync(store, { recursive: true, force: true });
      },
    };
  } finally {
    if (before === undefined) delete process.env.TRIMTAB_STORE;
    else process.env.TRIMTAB_STORE = before;
  }
}
