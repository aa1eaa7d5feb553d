/** A stand-in implementation of two real services, with behaviours chosen by the request, for transport tests. */
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";

/** The services `createEcho` implements. */
export const ECHO_SERVICES = [TokenizerService, ForwardService];

/** What happened on the server. */
export interface Echo {
  readonly routes: (router: ConnectRouter) => void;
  /** Streams whose signal aborted, and streams whose `finally` ran. */
  readonly seen: {
    aborted: number;
    finished: number;
    produced: number;
    /** Streams running now, and the most there were at once. */
    running: number;
    mostRunning: number;
    lastTimeoutMs: number | undefined;
  };
  /** Resolves when `check` holds; it is looked at whenever something happens. */
  until(check: () => boolean): Promise<void>;
  /** Lets a parked `gate` call of Encode finish. */
  release(): void;
}

/** Creates the stand-in. */
export function createEcho(): Echo {
  const seen: Echo["seen"] = {
    ...{ aborted: 0, finished: 0, produced: 0, running: 0, mostRunning: 0 },
    lastTimeoutMs: undefined,
  };
  const waiting = new Set<() => void>();
  const gate = Promise.withResolvers<void>();
  const happened = () => {
    for (const look of [...waiting]) look();
  };
  const watch = (context: HandlerContext) =>
    context.signal.addEventListener("abort", () => {
      seen.aborted++;
      happened();
    });

  async function encode(texts: readonly string[], context: HandlerContext) {
    seen.lastTimeoutMs = context.timeoutMs();
    happened();
    const [text] = texts;
    if (text === "refuse") {
      throw new TrimtabError("FIELD_OUT_OF_RANGE", "layer 40 is outside 0..29", {
        field: "texts[0]",
        limit: 29,
      });
    }
    if (text === "busy") throw new TrimtabError("QUEUE_FULL", "full", { retryAfterMs: 1_250 });
    if (text === "bug") throw new Error("secret /path");
    if (text === "stuck") await new Promise(() => {});
    if (text === "gate") await gate.promise;
    return { encodings: texts.map((item) => ({ ids: [...new TextEncoder().encode(item)] })) };
  }
  /** Endless stream of messages of `sizeBytes`; the request's model digest carries the size. */
  async function* stream(sizeBytes: number, context: HandlerContext) {
    watch(context);
    seen.mostRunning = Math.max(seen.mostRunning, ++seen.running);
    try {
      for (let i = 0; ; i++) {
        context.signal.throwIfAborted();
        seen.produced++;
        happened();
        yield { firstId: i, tokens: [new Uint8Array(sizeBytes)] };
        await Bun.sleep(1);
      }
    } finally {
      seen.finished++;
      seen.running--;
      happened();
    }
  }
  return {
    seen,
    release: () => gate.resolve(),
    until: (check) =>
      new Promise((resolve) => {
        const look = () => {
          if (!check()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    routes(router) {
      router.service(TokenizerService, {
        encode: ({ texts }, context) => encode(texts, context),
        getVocabulary: ({ modelDigest }, context) => stream(Number(modelDigest || 1), context),
      });
      router.service(ForwardService, {
        async *session(requests) {
          for await (const { commands } of requests) {
            yield { events: commands.map(({ commandId }) => ({ commandId })) };
          }
        },
      });
    },
  };
}
