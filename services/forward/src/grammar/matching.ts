/**
 * Grammars of one engine: compiled once, matched beside the forward pass. The mask of the next token is computed in a
 * thread while the step that needs it runs, so neither a compilation nor a mask stalls the batch.
 *
 * What was read (readers.ts) is compiled and matched by one thread. If that breaks, it is started again and everything but the culprit is
 * matched again from its tokens.
 */
import { TrimtabError } from "#kit/errors.ts";
import { createLru } from "#kit/lru.ts";
import * as limits from "../../limits.ts";
import type { GrammarSource, TokenSource } from "./messages.ts";
import { MASK_HEADER, MASK_TOKENS, MASK_WANTED } from "./messages.ts";
import { createGrammarReaders } from "./readers.ts";
import { createGrammarThread } from "./thread.ts";

/** A text under way. */
export interface Matcher {
  /**
   * The mask of the next token, i32 [ceil(vocabulary / 32)], bit 1 = allowed.
   * @param waitMs longest wait for it; then null, and `onReady` is called when it is there
   * @throws TrimtabError when the grammar was refused or took too long
   */
  mask(waitMs: number): Int32Array | null;
  /** The token drawn. */
  accept(id: number): void;
  /** Forgets the text. */
  end(): void;
}

/** The grammars of an engine. */
export interface Grammars {
  /** Compiles a grammar that somebody, `key`, asks for; `onDone` gets null, or why it cannot be used. */
  prepare(grammar: GrammarSource, key: string, onDone: (error: TrimtabError | null) => void): void;
  /** Matches a text of which `ids` is the beginning; it may end with any of `stopIds`. */
  begin(
    grammar: GrammarSource,
    key: string,
    stopIds: readonly number[],
    ids: readonly number[],
    onReady: () => void,
  ): Matcher;
  /** Ends the threads. */
  close(): void;
}

interface Entry {
  readonly grammar: GrammarSource;
  /** Who asked first. */
  readonly key: string;
  stage: "reading" | "compiling" | "compiled";
  /** EBNF, once it is parsed. */
  text: string;
  readonly waiting: ((error: TrimtabError | null) => void)[];
}

interface Match {
  readonly grammar: GrammarSource;
  readonly stopIds: readonly number[];
  readonly ids: number[];
  /** Header and mask; another one for each thread, as one that was given up may still be writing. */
  shared: SharedArrayBuffer;
  readonly onReady: () => void;
  /** The thread knows it. */
  begun: boolean;
  error: TrimtabError | null;
}

/** No grammars yet; the threads start with the first. */
export function createGrammars(tokens: TokenSource): Grammars {
  const entries = new Map<string, Entry>();
  const refused = createLru<TrimtabError>(limits.MAX_REFUSED_GRAMMARS);
  const matches = new Map<number, Match>();
  let nextMatch = 1;

  const readers = createGrammarReaders();
  const worker = createGrammarThread(tokens, {
    onReady: (id) => matches.get(id)?.onReady(),
    onCompiled(work) {
      const entry = work.type === "compile" ? entries.get(work.grammar.digest) : undefined;
      if (!entry) return;
      entry.stage = "compiled";
      for (const tell of entry.waiting.splice(0)) tell(null);
    },
    onBroken(work, error) {
      if (work?.type === "start") return refuseAll(error);
      if (work?.type === "compile") refuse(work.grammar.digest, error);
      const match = work && "matcher" in work ? matches.get(work.matcher) : undefined;
      if (match) fail(match, error);
      restore();
    },
  });

  const read = async (entry: Entry): Promise<void> => {
    const { grammar, key } = entry;
    const { digest } = grammar;
    const isWanted = () => entries.get(digest) === entry;
    try {
      entry.text = await readers.read(grammar, key);
      if (isWanted()) compile(entry);
    } catch (error) {
      if (isWanted()) refuse(digest, error as TrimtabError);
    }
  };
  const compile = (entry: Entry): void => {
    entry.stage = "compiling";
    const { field, digest } = entry.grammar;
    worker.send({ type: "compile", grammar: { field, digest }, text: entry.text });
  };
  const start = (id: number, match: Match): void => {
    const { grammar, stopIds, ids } = match;
    if (match.begun) match.shared = newMask(tokens.vocabulary);
    match.begun = true;
    worker.send({ type: "begin", matcher: id, digest: grammar.digest, stopIds, ids, mask: match.shared });
  };
  const usedDigests = () => new Set([...matches.values()].map(({ grammar }) => grammar.digest));
  /** Gives a new thread what the old one held and somebody still uses. */
  const restore = (): void => {
    const used = usedDigests();
    for (const [digest, entry] of [...entries]) {
      if (entry.stage === "compiled" && !used.has(digest)) entries.delete(digest);
      else if (entry.stage !== "reading") compile(entry);
    }
    for (const [id, match] of matches) if (match.begun && match.error === null) start(id, match);
  };
  const makeRoom = (): void => {
    const used = usedDigests();
    for (const [digest, { stage }] of entries) {
      if (entries.size < limits.MAX_GRAMMARS) return;
      if (stage !== "compiled" || used.has(digest)) continue;
      entries.delete(digest);
      worker.send({ type: "forget", digest });
    }
  };
  const refuse = (digest: string, error: TrimtabError): void => {
    const entry = entries.get(digest);
    entries.delete(digest);
    // What another thread may do is not remembered.
    if (error.reason !== "SERVICE_UNAVAILABLE") refused.set(digest, error);
    for (const tell of entry?.waiting ?? []) tell(error);
  };
  /** A thread cannot start: nothing is remembered, so that the next request tries again. */
  const refuseAll = (error: TrimtabError): void => {
    const waiting = [...entries.values()].flatMap((entry) => entry.waiting);
    entries.clear();
    for (const tell of waiting) tell(error);
    for (const match of matches.values()) fail(match, error);
  };
  /** Why nothing more may wait for somebody; what one caller asks for leaves places for others. */
  const queueFull = (key: string): TrimtabError | undefined => {
    const waiting = [...entries.values()].filter(({ stage }) => stage !== "compiled");
    const own = waiting.filter((entry) => entry.key === key).length;
    const isOwn = own >= limits.MAX_WAITING_OF_CALLER;
    if (!isOwn && waiting.length < limits.MAX_WAITING_GRAMMARS) return undefined;
    const limit = isOwn ? limits.MAX_WAITING_OF_CALLER : limits.MAX_WAITING_GRAMMARS;
    return new TrimtabError("QUEUE_FULL", "too many constraints wait to be compiled", { limit });
  };
  const prepare: Grammars["prepare"] = (grammar, key, onDone) => {
    const { digest } = grammar;
    const known = entries.get(digest);
    const error = refused.get(digest);
    if (error) return onDone(error);
    if (known?.stage === "compiled") {
      entries.delete(digest);
      entries.set(digest, known);
      return onDone(null);
    }
    if (known) return void known.waiting.push(onDone);
    const full = queueFull(key);
    if (full) return onDone(full);
    makeRoom();
    const entry: Entry = { grammar, key, stage: "reading", text: "", waiting: [onDone] };
    entries.set(digest, entry);
    void read(entry);
  };

  return {
    prepare,
    begin(grammar, key, stopIds, ids, onReady) {
      const id = nextMatch++;
      const shared = newMask(tokens.vocabulary);
      const match: Match = { grammar, stopIds, ids: [...ids], shared, onReady, begun: false, error: null };
      matches.set(id, match);
      prepare(grammar, key, (error) => {
        if (matches.get(id) !== match) return;
        if (error) fail(match, error);
        else start(id, match);
      });
      return {
        mask: (waitMs) => readMask(match, waitMs),
        accept(token) {
          match.ids.push(token);
          worker.send({ type: "accept", matcher: id, id: token });
        },
        end() {
          matches.delete(id);
          if (match.begun) worker.send({ type: "end", matcher: id });
        },
      };
    },
    close() {
      entries.clear();
      readers.close(new TrimtabError("SERVICE_UNAVAILABLE", "the engine is closed"));
      worker.close();
    },
  };
}

/** A mask that is not there yet, and wanted. */
function newMask(vocabulary: number): SharedArrayBuffer {
  const shared = new SharedArrayBuffer((MASK_HEADER + Math.ceil(vocabulary / 32)) * 4);
  const words = new Int32Array(shared);
  words[MASK_TOKENS] = -1;
  words[MASK_WANTED] = 1;
  return shared;
}

function readMask(match: Match, waitMs: number): Int32Array | null {
  if (match.error) throw match.error;
  const words = new Int32Array(match.shared);
  const isThere = () => Atomics.load(words, MASK_TOKENS) === match.ids.length;
  if (!isThere() && waitMs > 0) Atomics.wait(words, MASK_TOKENS, Atomics.load(words, MASK_TOKENS), waitMs);
  if (!isThere()) Atomics.store(words, MASK_WANTED, 1);
  return isThere() ? words.subarray(MASK_HEADER) : null;
}

function fail(match: Match, error: TrimtabError): void {
  match.error = error;
  match.onReady();
}
