/**
 * Constraints being read: translated and parsed, which may take long, by two threads that harm nobody else. Those of one caller are read one
 * after the other, so that others find a thread however long they take; only where two callers have such, the rest wait for one of them.
 */
import { createJobThread, type JobWatch } from "#kit/job-thread.ts";
import { GRAMMAR_JOB_MS, GRAMMAR_READERS, GRAMMAR_START_MS } from "../../limits.ts";
import type { GrammarSource } from "./messages.ts";
import { tookLonger } from "./refusals.ts";

/** The threads, not yet started. */
export interface GrammarReaders {
  /**
   * The EBNF of a constraint, which the library takes.
   * @param key whose it is
   * @throws TrimtabError (as a rejection) why there is none; those of `JobThread.run`
   */
  read(source: GrammarSource, key: string): Promise<string>;
  /** Ends the threads; what waits for them fails with `reason`. */
  close(reason: unknown): void;
}

interface Asked extends PromiseWithResolvers<string> {
  readonly source: GrammarSource;
  readonly key: string;
}

/** Threads that read. */
export function createGrammarReaders(): GrammarReaders {
  const program = new URL("./parse.worker.ts", import.meta.url);
  const options = { what: "reads constraints", startMs: GRAMMAR_START_MS };
  const threads = Array.from({ length: GRAMMAR_READERS }, () =>
    createJobThread<GrammarSource, string>(program, options),
  );
  const idle = [...threads];
  const asked: Asked[] = [];
  /** Whose constraints are being read. */
  const served = new Set<string>();
  const next = (): void => {
    const at = asked.findIndex(({ key }) => !served.has(key));
    const thread = at < 0 ? undefined : idle.pop();
    if (!thread) return;
    const [one] = asked.splice(at, 1) as [Asked];
    served.add(one.key);
    const over = (): void => {
      served.delete(one.key);
      idle.push(thread);
      next();
    };
    thread.run(one.source, within(GRAMMAR_JOB_MS, one.source.field)).then(one.resolve, one.reject).then(over);
  };
  return {
    read(source, key) {
      const one: Asked = { ...Promise.withResolvers(), source, key };
      asked.push(one);
      next();
      return one.promise;
    },
    close(reason) {
      for (const thread of threads) thread.close(reason);
    },
  };
}

function within(limitMs: number, field: string): JobWatch {
  return (giveUp) => {
    const timer = setTimeout(() => giveUp(tookLonger(limitMs, field)), limitMs);
    return () => clearTimeout(timer);
  };
}
