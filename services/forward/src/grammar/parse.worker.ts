/**
 * A thread that reads constraints: it translates them and has the library parse what came out. The library ends for good on a grammar it
 * refuses; another thread reads the next. Cost: up to seconds for expressions at their limits.
 */
import { Grammar } from "@mlc-ai/web-xgrammar";
import { doJobs } from "#kit/job-thread.ts";
import { toPlain } from "#kit/plain-error.ts";
import { complaintOf, forgetComplaints } from "./complaints.ts";
import type { GrammarSource } from "./messages.ts";
import { refusal } from "./refusals.ts";
import { toGrammar } from "./translate.ts";

declare const self: Worker;

doJobs(
  self,
  () =>
    async (source: GrammarSource): Promise<string> => {
      forgetComplaints();
      const text = toGrammar(source);
      (await Grammar.fromEBNF(text)).dispose();
      return text;
    },
  (error, { field }) => toPlain(refusal("INVALID_ARGUMENT", complaintOf(error), field)),
);
