/**
 * Loading and unloading models in forward and tokenizer together. Changes run one after the other, so that none sees half
 * of another. The tokenizer comes first: it is quick, and what it refuses costs no weights.
 */
import type { CallOptions } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe } from "#kit/streams.ts";
import type { LoadProgress, Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { resolveModel } from "./model.ts";
import { isReasonOf } from "./reasons.ts";

/** What to load. */
export interface LoadWhat {
  readonly source: string;
  /** Hex; empty is not checked. */
  readonly expectedDigest: string;
  /** Empty: as it is. */
  readonly quantize: string;
}

/** Changes of what is loaded. They go on when their client leaves, and end after `LIMITS.requestMs` at the latest. */
export interface ModelChanges {
  /** @throws TrimtabError those of both services' LoadModel, MODEL_MISMATCH (they read different files), QUEUE_FULL */
  load(
    what: LoadWhat,
    headers: Record<string, string>,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<Model>;
  /** @throws TrimtabError FIELD_REQUIRED, MODEL_NOT_FOUND, QUEUE_FULL */
  unload(reference: string, headers: Record<string, string>): Promise<void>;
}

/** Creates the queue of changes. */
export function createModelChanges(clients: GatewayClients): ModelChanges {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const inTurn = async <T>(change: () => Promise<T>): Promise<T> => {
    const limit = LIMITS.modelChanges;
    if (waiting >= limit) throw new TrimtabError("QUEUE_FULL", "too many models are being loaded", { limit });
    waiting += 1;
    const mine = last.then(change).finally(() => (waiting -= 1));
    last = mine.catch(() => {});
    return await mine;
  };
  return {
    load: (what, headers, onProgress) =>
      inTurn(async () => {
        const call = { headers, timeoutMs: LIMITS.requestMs };
        const { modelDigest } = await clients.tokenizer.loadModel(what, call);
        try {
          const model = await loadWeights(
            clients,
            { ...what, expectedDigest: modelDigest },
            call,
            onProgress,
          );
          if (model.digest === modelDigest) return model;
          throw new TrimtabError("MODEL_MISMATCH", "forward and tokenizer read different models", {
            field: "source",
          });
        } catch (error) {
          if (await isGone(clients, modelDigest, call)) await forgetTokenizer(clients, modelDigest, call);
          throw error;
        }
      }),
    unload: (reference, headers) =>
      inTurn(async () => {
        const call = { headers, timeoutMs: LIMITS.requestMs };
        if (reference === "")
          throw new TrimtabError("FIELD_REQUIRED", "model is missing", { field: "model" });
        const scope = { ...call, signal: AbortSignal.timeout(LIMITS.requestMs) };
        const { digest: modelDigest } = await resolveModel(clients, reference, scope);
        await clients.forward.unloadModel({ modelDigest }, call);
        await forgetTokenizer(clients, modelDigest, call);
      }),
  };
}

async function loadWeights(
  clients: GatewayClients,
  what: LoadWhat,
  call: CallOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<Model> {
  const start = (signal: AbortSignal) => clients.forward.loadModel(what, { ...call, signal });
  for await (const { event } of cancelSafe(start)) {
    if (event.case === "progress") onProgress(event.value);
    if (event.case === "model") return event.value;
  }
  throw new TrimtabError("SERVICE_UNAVAILABLE", "forward ended before the model was loaded");
}

/**
 * Whether forward certainly has no such model: another caller may have loaded it, or it was there before. One that does not answer has
 * it again when it is started anew; then it must find the tokenizer.
 */
async function isGone(clients: GatewayClients, digest: string, call: CallOptions): Promise<boolean> {
  try {
    const { model } = await clients.forward.getModel({ model: digest, withoutState: true }, call);
    return model?.loaded !== true;
  } catch (error) {
    return isReasonOf(error, "MODEL_NOT_FOUND", "MODEL_NOT_LOADED");
  }
}

async function forgetTokenizer(
  clients: GatewayClients,
  modelDigest: string,
  call: CallOptions,
): Promise<void> {
  try {
    await clients.tokenizer.unloadModel({ modelDigest }, call);
  } catch (error) {
    // One that was started anew has forgotten it already.
    if (!isReasonOf(error, "MODEL_NOT_FOUND")) throw error;
  }
}
