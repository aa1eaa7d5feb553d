/** Something asked of every prompt, several prompts at a time, and kept: what the journal has is not asked again. */
import type { Client } from "@connectrpc/connect";
import type { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Journal, Keyed } from "../journal.ts";
import { mapParallel } from "../parallel.ts";

/** Who is asked of a model, and where answers are kept. */
export interface KeptSource<R extends Keyed> {
  readonly gateway: Client<typeof GatewayService>;
  readonly journal: Journal<R>;
  /** Name of the model, and the first digits of its digest: part of every key. */
  readonly model: string;
  readonly modelKey: string;
}

/** What is asked, of whom, and how it is kept. */
export interface Asking<T, R extends Keyed> {
  readonly journal: Journal<R>;
  /** Parts of a record's key before those of the prompt. */
  readonly keyParts: readonly (string | number)[];
  /** Prompts under way at once. */
  readonly atOnce: number;
  ask(prompt: T): Promise<Omit<R, "key">>;
  /** Told after every prompt. */
  onAsked(done: number, total: number): void;
}

/** The records of prompts, by prompt id. A prompt is the same one if its id and its text are. */
export async function keepAll<T extends { readonly id: string; readonly text: string }, R extends Keyed>(
  { journal, keyParts, atOnce, ask, onAsked }: Asking<T, R>,
  prompts: readonly T[],
): Promise<Map<string, R>> {
  const keyOf = ({ id, text }: T): string => [...keyParts, id, Bun.hash(text).toString(36)].join("/");
  const missing = prompts.filter((prompt) => !journal.records.has(keyOf(prompt)));
  let done = 0;
  await mapParallel(missing, atOnce, async (prompt) => {
    journal.append({ key: keyOf(prompt), ...(await ask(prompt)) } as R);
    onAsked(++done, missing.length);
  });
  return new Map(prompts.map((prompt) => [prompt.id, journal.records.get(keyOf(prompt))!]));
}
