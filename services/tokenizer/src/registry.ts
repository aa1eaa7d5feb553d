/** The models of the service, by digest. Loads of one model at the same time are one load. */
import { TrimtabError } from "#kit/errors.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { changeKept, type ListedModel } from "#kit/loaded-list.ts";
import { realPathOf, resolveModelSource } from "#kit/model-sources.ts";
import { MAX_MODELS } from "../limits.ts";
import { closing, openTokenizerModel, type TokenizerModel } from "./model.ts";

/** What may be asked besides the source. */
export interface LoadChoice {
  /** Empty is not checked. */
  readonly expectedDigest: string;
  /** As forward loads the model. */
  readonly quantize: QuantizedType | null;
}

/** The models of a service. */
export interface Registry {
  /** @throws TrimtabError MODEL_NOT_FOUND, MODEL_MISMATCH, OUT_OF_MEMORY (too many), those of the reader */
  load(source: string, choice: LoadChoice): Promise<TokenizerModel>;
  /** Loads a file the operator named, wherever it lies. */
  loadFile(path: string, choice: LoadChoice): Promise<TokenizerModel>;
  /** @throws TrimtabError FIELD_REQUIRED, MODEL_NOT_FOUND */
  unload(digest: string): void;
  /** The model of a digest; empty means the only loaded one. @throws TrimtabError MODEL_NOT_FOUND */
  get(digest: string): TokenizerModel;
  /** What is loaded. */
  listed(): ListedModel[];
  close(): void;
}

/** A model and the file, and type, it was read from. */
interface Entry {
  readonly key: string;
  readonly path: string;
  readonly quantize: QuantizedType | null;
  readonly model: TokenizerModel;
}

/**
 * A registry without models, for those in `directories`; `onChange` is called when one was loaded or unloaded, before that
 * is acknowledged. Where it throws nothing was loaded or unloaded.
 */
export function createRegistry(directories: readonly string[], onChange: () => void = () => {}): Registry {
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<TokenizerModel>>();
  let isClosed = false;

  const open = async (path: string, choice: LoadChoice, key: string): Promise<TokenizerModel> => {
    const model = await openTokenizerModel(path, choice.quantize);
    const before = entries.get(model.digest);
    const refusal = refuse(model.digest, choice.expectedDigest, before ? 0 : entries.size, isClosed);
    if (before || refusal) model.close(closing());
    if (refusal) throw refusal;
    if (before) return before.model;
    const entry: Entry = { key, path: realPathOf(path), quantize: choice.quantize, model };
    try {
      changeKept(entries, model.digest, entry, onChange);
    } catch (error) {
      model.close(closing());
      throw error;
    }
    return model;
  };
  const load = (path: string, choice: LoadChoice): Promise<TokenizerModel> => {
    const { expectedDigest, quantize } = choice;
    const key = `${realPathOf(path)} ${quantize}`;
    const known = [...entries.values()].find((entry) => entry.key === key)?.model;
    if (known && (expectedDigest === "" || known.digest === expectedDigest)) return Promise.resolve(known);
    // Whoever expects another digest must not decide for the others.
    const call = `${key} ${expectedDigest}`;
    const opening = loading.get(call) ?? open(path, choice, key).finally(() => loading.delete(call));
    loading.set(call, opening);
    return opening;
  };
  return {
    async load(source, choice) {
      return await load(resolveModelSource(source, directories), choice);
    },
    loadFile: load,
    unload(digest) {
      if (digest === "")
        throw new TrimtabError("FIELD_REQUIRED", "model_digest is missing", { field: "model_digest" });
      const entry = entries.get(digest) ?? missing("no model with this digest is loaded");
      changeKept(entries, digest, undefined, onChange);
      entry.model.close(new TrimtabError("MODEL_NOT_LOADED", "the model was unloaded"));
    },
    get(digest) {
      const [only] = entries.size === 1 ? entries.values() : [];
      if (digest === "") return (only ?? missing("no model or several models are loaded")).model;
      return (entries.get(digest) ?? missing("this tokenizer does not serve the model")).model;
    },
    listed: () =>
      [...entries].map(([digest, { path, quantize }]): ListedModel => ({ path, quantize, digest })),
    close() {
      isClosed = true;
      for (const { model } of entries.values()) model.close(closing());
      entries.clear();
    },
  };
}

function missing(message: string): never {
  throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "model_digest" });
}

/** Why a model that was read is not taken beside `count` others. */
function refuse(
  digest: string,
  expectedDigest: string,
  count: number,
  isClosed: boolean,
): TrimtabError | undefined {
  if (isClosed) return closing();
  if (expectedDigest !== "" && digest !== expectedDigest) {
    const message = `the model has the digest ${digest}`;
    return new TrimtabError("MODEL_MISMATCH", message, { field: "expected_digest" });
  }
  if (count < MAX_MODELS) return undefined;
  const message = `${count} models are loaded, which is the limit: unload one first`;
  return new TrimtabError("OUT_OF_MEMORY", message, { field: "source", limit: MAX_MODELS });
}
