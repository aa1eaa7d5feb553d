/** The whole stack on the real model and real sockets, for clients in other languages and libraries. */
import { defaultModelPath } from "#kit/paths.ts";
import { startOwnStack } from "../../support/own-stack.ts";

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
  const stack = await startOwnStack({ modelPath: defaultModelPath(), threads: THREADS });
  const { grpcPort, httpPort, close } = stack;
  await stack.client.extractVector({
    name: DIRECTION,
    positive: ["I love this wonderful day!", "What a joy, how happy I am!"],
    negative: ["I hate this awful day.", "What a misery, how sad I am."],
  });
  const steering = JSON.stringify({ direction: DIRECTION, dose: { relative: 0.3 } });
  return { grpcPort, httpPort, steering, close };
}
