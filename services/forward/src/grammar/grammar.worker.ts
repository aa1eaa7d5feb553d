/**
 * A grammar thread: compiles and matches grammars with XGrammar, one job after the other. The library ends for good on what it
 * refuses, so a thread reports `broken` and does nothing more; whoever started it starts another.
 *
 * Cost: 0.3 s to start with 50k tokens; 1 to 1,000 ms a grammar; 0.1 to 1 ms a mask.
 */
import {
  type CompiledGrammar,
  Grammar,
  GrammarCompiler,
  GrammarMatcher,
  TokenizerInfo,
} from "@mlc-ai/web-xgrammar";
import { complaintOf, forgetComplaints } from "./complaints.ts";
import type { GrammarReply, GrammarRequest } from "./messages.ts";
import { FINISHED, MASK_HEADER, MASK_TOKENS, MASK_WANTED, UNDER_WAY } from "./messages.ts";
import { readGrammarVocabulary } from "./vocabulary.ts";

declare const self: Worker;

/** A text being matched. */
interface Match {
  readonly matcher: GrammarMatcher;
  readonly mask: Int32Array;
  tokens: number;
}

const compiled = new Map<string, CompiledGrammar>();
const matches = new Map<number, Match>();
let progress: Int32Array = new Int32Array(2);
let compiler: GrammarCompiler | undefined;
let isBroken = false;
let turn = Promise.resolve();

const reply = (message: GrammarReply) => self.postMessage(message);

self.onmessage = ({ data }: MessageEvent<GrammarRequest>) => {
  turn = turn.then(() => run(data));
};

async function run(request: GrammarRequest): Promise<void> {
  if (isBroken) return;
  const { job } = request;
  forgetComplaints();
  if (request.type === "start") progress = new Int32Array(request.progress);
  Atomics.store(progress, UNDER_WAY, job);
  try {
    await carryOut(request);
  } catch (error) {
    isBroken = true;
    return reply({ type: "broken", job, message: complaintOf(error) });
  } finally {
    Atomics.store(progress, FINISHED, job);
    Atomics.store(progress, UNDER_WAY, 0);
  }
}

async function carryOut(request: GrammarRequest): Promise<void> {
  switch (request.type) {
    case "start": {
      const { tokens, stopIds } = readGrammarVocabulary(request.tokens);
      // The library takes bytes where its types say text.
      const bytes = tokens as readonly unknown[] as string[];
      const info = await TokenizerInfo.createTokenizerInfo(bytes, "raw", false, bytes.length, [...stopIds]);
      compiler = await GrammarCompiler.createGrammarCompiler(info, false);
      return;
    }
    case "compile":
      await compile(request.grammar.digest, request.text);
      return reply({ type: "compiled", job: request.job });
    case "forget":
      compiled.get(request.digest)?.dispose();
      return void compiled.delete(request.digest);
    case "begin":
      return begin(request);
    case "accept": {
      const match = matches.get(request.matcher);
      if (!match) return;
      accept(match, request.id);
      return writeMask(match, request.matcher);
    }
    case "end":
      matches.get(request.matcher)?.matcher.dispose();
      return void matches.delete(request.matcher);
  }
}

async function compile(digest: string, text: string): Promise<void> {
  if (!compiler || compiled.has(digest)) return;
  const grammar = await Grammar.fromEBNF(text);
  compiled.set(digest, await compiler.compileGrammar(grammar));
  grammar.dispose();
}

async function begin(request: GrammarRequest & { readonly type: "begin" }): Promise<void> {
  const grammar = compiled.get(request.digest);
  if (!grammar) throw new Error("the grammar is not compiled");
  const matcher = await GrammarMatcher.createGrammarMatcher(grammar, [...request.stopIds]);
  const match: Match = { matcher, mask: new Int32Array(request.mask), tokens: 0 };
  matches.set(request.matcher, match);
  for (const id of request.ids) accept(match, id);
  await writeMask(match, request.matcher);
}

function accept(match: Match, id: number): void {
  if (!match.matcher.acceptToken(id)) throw new Error(`token ${id} does not continue the text`);
  match.tokens++;
}

/** Publishes the mask of the next token. */
async function writeMask({ matcher, mask, tokens }: Match, id: number): Promise<void> {
  mask.set(await matcher.getNextTokenBitmask(), MASK_HEADER);
  Atomics.store(mask, MASK_TOKENS, tokens);
  Atomics.notify(mask, MASK_TOKENS);
  if (Atomics.exchange(mask, MASK_WANTED, 0) === 1) reply({ type: "ready", matcher: id });
}
