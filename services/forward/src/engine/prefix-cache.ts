/**
 * The prefix cache: full pages of any sequence are found again by what their bits depend on, and so is the beginning of a
 * page that goes on differently: it is shared until the first token of its own, then copied (see kv-tree.ts).
 *
 *   key = SHA-256(key of the page before | 32 token ids | per position the operations and coefficients applied)
 *
 * The key before the first page names the model, the backend, the KV format and the caller's salt. Where no operation
 * acted the last part is empty: an unsteered prefix is shared by all, a steered page by nobody who did not steer the
 * same way. What a job must compute itself (taps, scores, the last token) is computed. Cost: one hash a page.
 */
import { createHash } from "node:crypto";
import { PAGE_TOKENS } from "#kernels";
import type { PageKey, PageText } from "./page-index.ts";
import type { OpenJob, Sequence } from "./sequence.ts";
import { bindingAt } from "./sequence.ts";
import type { CoreState } from "./state.ts";

/** What was applied to the computed positions of a sequence: runs of equal signatures ("" = nothing acted). */
export type AppliedRuns = { readonly first: number; readonly signature: string }[];

/** The key before the first page; null when the sequence takes no part in the cache. */
export function rootKey(format: string, salt: string): PageKey {
  return createHash("sha256").update(`${format}\n${salt}`).digest("base64");
}

/** Forgets what was noted of positions from `length` on. */
export function forget(sequence: Sequence, length: number): void {
  const { applied, keys } = sequence;
  while ((applied.at(-1)?.first ?? -1) >= length) applied.pop();
  keys.length = Math.min(keys.length, Math.floor(length / PAGE_TOKENS));
}

/** Notes `rows` positions just computed, and publishes the pages they filled. */
export function noteComputed(state: CoreState, sequence: Sequence, rows: number): void {
  forget(sequence, sequence.cached);
  for (let position = sequence.cached; position < sequence.cached + rows; position++) {
    note(sequence, position, plannedAt(sequence, position));
  }
  sequence.cached += rows;
  if (sequence.rootKey === null) return;
  const before = sequence.keys.length;
  nameFullPages(sequence);
  for (const [at, key] of sequence.keys.entries()) {
    if (at >= before)
      state.tree.publish(sequence.table, at, key, parentKey(sequence, at), textOf(sequence, at));
  }
}

/** Takes over published pages as far as the open may, from where it stands; of the last one perhaps the beginning alone. */
export function reuse(state: CoreState, sequence: Sequence, job: OpenJob): void {
  if (sequence.rootKey === null) return;
  const { cached } = sequence;
  const limit = freeUntil(job, cached);
  nameFullPages(sequence);
  const first = sequence.keys.length;
  const found: number[] = [];
  for (let at = first; at * PAGE_TOKENS < limit && (at + 1) * PAGE_TOKENS <= sequence.ids.length; at++) {
    const key = pageKey(sequence, at);
    const page = state.tree.find(key);
    if (page === undefined) break;
    found.push(page);
    sequence.keys.push(key);
  }
  let end = (first + found.length) * PAGE_TOKENS;
  const next = first + found.length;
  const beginning =
    end < limit ? state.tree.findBeginning(parentKey(sequence, next), textOf(sequence, next)) : undefined;
  if (beginning) {
    found.push(beginning.page);
    end += beginning.tokens;
  }
  const reached = Math.min(limit, end);
  if (reached <= cached) return void (sequence.keys.length = first);
  for (let position = cached; position < reached; position++) {
    note(sequence, position, plannedAt(sequence, position));
  }
  state.tree.attach(sequence.table, first, found, reached);
  sequence.cached = reached;
  sequence.keys.length = Math.floor(reached / PAGE_TOKENS);
  state.cache.hitTokens += reached - cached;
}

/** The next position the open must compute itself, at or after `position`; its end if there is none. */
export function freeUntil(job: OpenJob, position: number): number {
  let until = job.end;
  for (const { first, end } of job.required) if (end > position) until = Math.min(until, first);
  return Math.max(until, position);
}

function note({ applied }: Sequence, first: number, signature: string): void {
  if ((applied.at(-1)?.signature ?? "") !== signature) applied.push({ first, signature });
}

/** What a row at this position is computed under now. */
function plannedAt(sequence: Sequence, position: number): string {
  const { promptTokens, ids } = sequence;
  return bindingAt(sequence, position)?.signature({ position, promptTokens, ids }) ?? "";
}

/** Completes the keys of the pages that are full. */
function nameFullPages(sequence: Sequence): void {
  const full = Math.floor(sequence.cached / PAGE_TOKENS);
  for (let at = sequence.keys.length; at < full; at++) sequence.keys.push(pageKey(sequence, at));
}

/**
 * The key of page `at`, whose positions are computed already or will be under the bindings of now; the pages before it
 * have theirs.
 */
function pageKey(sequence: Sequence, at: number): PageKey {
  const hash = createHash("sha256").update(parentKey(sequence, at));
  const { ids, signatures } = textOf(sequence, at);
  hash.update(Int32Array.from(ids));
  if (signatures.length > 0) hash.update(JSON.stringify(signatures));
  return hash.digest("base64");
}

/** The key of the page before page `at`. */
const parentKey = ({ rootKey, keys }: Sequence, at: number): PageKey =>
  (at === 0 ? rootKey : keys[at - 1]) ?? "";

/** The tokens of page `at` as far as there are any, and what acts on them. */
function textOf(sequence: Sequence, at: number): PageText {
  const start = at * PAGE_TOKENS;
  const ids = sequence.ids.slice(start, start + PAGE_TOKENS);
  const signatures = ids.map((_, index) => signatureAt(sequence, start + index));
  return { ids, signatures: signatures.some((signature) => signature !== "") ? signatures : [] };
}

function signatureAt(sequence: Sequence, position: number): string {
  if (position >= sequence.cached) return plannedAt(sequence, position);
  return sequence.applied.findLast(({ first }) => first <= position)?.signature ?? "";
}
