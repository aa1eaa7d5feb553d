/**
 * Runs a strategy against a world: hands out tokens so that no budget is exceeded, batches what grows together, keeps the
 * books, tells what happens, and commits text as soon as every candidate left shares it.
 *
 * Tokens are handed out in equal shares before they are generated, so a budget of tokens holds exactly; what a candidate
 * leaves of its share goes to the others in a further batch. What a model will read of candidates once more (for a verifier
 * that asks it, or as the unsteered one) is held back, and verdicts that do not fit are not asked for.
 * Cost: a comparison of texts a token, O(live candidates).
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { TrimtabError } from "#kit/errors.ts";
import { candidateEvent, resampleEvent, scoreEvent, type SearchEventInit, stepEvent } from "./events.ts";
import { createStandIn, failedCandidate, failedVerdict, isMute } from "./failures.ts";
import { type Budget, createLedger, isBounded, type Ledger, orderOf, tokensToGrow } from "./ledger.ts";
import { createChild, createRoot, extend, type Member, sharedLength } from "./members.ts";
import { createRandom } from "./random.ts";
import { isOpen, isSound } from "./standing.ts";
import type {
  Candidate,
  Judging,
  Outcome,
  Resampling,
  Search,
  StepOptions,
  Strategy,
  Stride,
} from "./strategy.ts";
import type { World } from "./world.ts";

/** What a search runs with. */
export interface RuntimeOptions {
  readonly world: World;
  readonly budget: Budget;
  readonly seed: bigint;
  /** Most tokens of a candidate. */
  readonly maxTokens: number;
  /** Most tokens of a step. */
  readonly stepTokens: number;
  /** Most steps of a candidate. */
  readonly steps: number;
  /** A verifier that fails on a candidate fails the search; else the candidate gets a neutral score. */
  readonly strict: boolean;
  /** Canonical answer of a text. */
  readonly answerOf: (text: string) => string | undefined;
  /** Aborts when the time is used up. */
  readonly timeUp: AbortSignal;
  readonly onEvent: (event: SearchEventInit) => void;
  /** Text that became part of the answer. */
  readonly onCommit: (text: string) => void;
}

/** How a search ended. */
export interface SearchResult {
  readonly outcome: Outcome;
  readonly ledger: Ledger;
  /** The candidates that were left, and those that no other continues. */
  readonly leaves: readonly Member[];
  /** The budget, or the context for what was to be shown, was used up before the strategy was done. */
  readonly isSpent: boolean;
  /** Scores stand in for verdicts. */
  readonly isDegraded: boolean;
}

/** Runs a strategy to its end; all text of the chosen candidate has then been committed. */
export async function runSearch(
  strategy: Strategy,
  parameters: JsonObject,
  options: RuntimeOptions,
): Promise<SearchResult> {
  const runtime = new Runtime(options);
  const run = strategy.run(runtime, parameters);
  for (;;) {
    const { value, done } = await run.next();
    if (!done) runtime.tellResampling(value.resampling);
    else return runtime.finish(value);
  }
}

/** The primitives of one search. Lives as long as the search; the world frees what is left. */
class Runtime implements Search {
  readonly root: Member = createRoot();
  readonly random;
  readonly width: number;
  readonly isBounded: boolean;
  readonly #options: RuntimeOptions;
  readonly #ledger: Ledger;
  readonly #members = new Map<number, Member>([[0, this.root]]);
  /** Those that were not given up. */
  readonly #alive = new Set<Member>([this.root]);
  /** Candidates that are prompts: children answer them, they themselves are no answers. */
  readonly #prompts = new Set<Member>([this.root]);
  readonly #standIn = createStandIn();
  /** The engine's first failure of a candidate. */
  #failure: TrimtabError | undefined;
  #committed = 0;
  #isSpent = false;
  #isDegraded = false;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#ledger = createLedger(options.budget);
    this.random = createRandom(options.seed);
    this.width = options.budget.candidates;
    this.isBounded = isBounded(options.budget);
  }

  fork(parents: readonly Candidate[]): Promise<Candidate[]> {
    const children = parents.map((parent) =>
      createChild(this.#member(parent), ++this.#ledger.spent.candidates),
    );
    this.#options.world.fork(children);
    for (const child of children) this.#enter(child);
    return Promise.resolve(children);
  }

  async step(candidates: readonly Candidate[], stride: Stride, options: StepOptions = {}): Promise<boolean> {
    const growing = candidates.map((one) => this.#member(one)).filter(isOpen);
    if (growing.length > this.width)
      throw new RangeError("more candidates grow at once than the budget allows");
    const before = new Map(growing.map((member) => [member, { text: member.text, tokens: member.tokens }]));
    const isWhole = await this.#grow(growing, stride, options);
    for (const [member, { text, tokens }] of before) {
      if (member.tokens === tokens && member.ended === undefined) continue;
      member.depth++;
      if (stride === "step" && member.depth >= this.#options.steps && isOpen(member)) {
        member.ended = "length";
        member.text = this.#options.world.settle(member);
      }
      this.#options.onEvent(stepEvent(member, { text, tokens }));
    }
    if (!this.#hasHope()) throw this.#failure ?? failedCandidate();
    if (!isWhole) this.#isSpent = true;
    return isWhole;
  }

  async score(candidates: readonly Candidate[], asked: Judging): Promise<number[]> {
    const judging = this.#options.world.judgedAs(asked);
    const members = candidates.map((one) => this.#member(one));
    const isAll = this.#options.world.compares(judging);
    const fresh = [...new Set(members)].filter(
      (one) => isSound(one) && (isAll || one.judged.get(judging)?.tokens !== one.tokens),
    );
    if (fresh.length > 0) await this.#judge(fresh, judging);
    return members.map((member) => member.judged.get(judging)?.score ?? 0);
  }

  async baseLogprobs(candidates: readonly Candidate[]): Promise<number[]> {
    const { logprobs, tokens } = await this.#options.world.baseLogprobs(candidates);
    this.#ledger.spent.verifierTokens += tokens;
    for (const member of candidates.map((one) => this.#member(one))) member.read = member.tokens;
    return [...logprobs];
  }

  judges(judging: Judging): boolean {
    return this.#options.world.judges(judging);
  }

  drop(candidates: readonly Candidate[]): void {
    const dropped = candidates.map((one) => this.#member(one)).filter(({ isAlive }) => isAlive);
    if (dropped.length === 0) return;
    for (const member of dropped) {
      member.isAlive = false;
      this.#alive.delete(member);
    }
    const ids = dropped.map(({ id }) => id);
    this.#options.world.release(ids);
    const shown = ids.filter((id) => id !== 0);
    if (shown.length > 0) this.#options.onEvent({ case: "prune", value: { candidates: shown } });
    this.#commit();
  }

  answer({ text }: Candidate): string | undefined {
    return this.#options.answerOf(text);
  }

  async revise(attempts: readonly Candidate[], request: string): Promise<Candidate | undefined> {
    const id = this.#ledger.spent.candidates + 1;
    if (!(await this.#options.world.revise(id, attempts, request))) {
      this.#isSpent = true;
      return undefined;
    }
    const prompt = createRoot(++this.#ledger.spent.candidates);
    this.#prompts.add(prompt);
    this.#enter(prompt);
    return prompt;
  }

  /** Tells of a resampling. */
  tellResampling(resampling: Resampling): void {
    this.#options.onEvent(resampleEvent(resampling));
  }

  /** Commits what is left of the chosen text. */
  finish(outcome: Outcome): SearchResult {
    const chosen = this.#member(outcome.chosen);
    if (!chosen.isAlive) throw new RangeError("a strategy chose a candidate that it had given up");
    if (chosen.ended === "error") throw this.#failure ?? failedCandidate();
    const { text, tokens } = chosen;
    if (isOpen(chosen) && !this.#prompts.has(chosen)) chosen.text = this.#options.world.settle(chosen);
    if (chosen.text !== text) this.#options.onEvent(stepEvent(chosen, { text, tokens }));
    this.#commitUpTo(chosen.text, chosen.text.length);
    const leaves = [...this.#members.values()].filter(
      ({ id, isAlive, isContinued }) => id !== 0 && (isAlive || !isContinued),
    );
    return { outcome, ledger: this.#ledger, leaves, isSpent: this.#isSpent, isDegraded: this.#isDegraded };
  }

  /** Grows in batches until the stride is done; false if the budget did not allow it. */
  async #grow(growing: readonly Member[], stride: Stride, options: StepOptions): Promise<boolean> {
    const { world, maxTokens, stepTokens, timeUp } = this.#options;
    const most = stride === "end" ? maxTokens : stride === "step" ? stepTokens : stride.tokens;
    const quota = new Map(growing.map((one) => [one, Math.min(most, maxTokens - one.tokens)]));
    for (let begins = true; ; begins = false) {
      const able = growing.filter((one) => isOpen(one) && (quota.get(one) ?? 0) > 0);
      if (able.length === 0) return true;
      const ends = Array.from(this.#alive).filter((one) => !this.#prompts.has(one) && !one.isContinued);
      const free = tokensToGrow(this.#ledger, [...new Set([...able, ...ends])], world.reading);
      const share = Math.floor(free / (able.length * (1 + world.reading.perToken)));
      if (share < 1 || timeUp.aborted) return false;
      const orders = able.map((one) => ({
        id: one.id,
        begins,
        ...orderOf(stride, share, quota.get(one) ?? 0, maxTokens - one.tokens),
        ...options,
      }));
      const growths = await world.grow(orders, timeUp, (id, text) => this.#showText(id, text));
      for (const [index, growth] of growths.entries()) {
        const member = able[index];
        if (!member) continue;
        extend(member, growth, maxTokens);
        this.#ledger.spent.generated += growth.tokens;
        this.#failure ??= growth.failure;
        quota.set(member, growth.stepEnded ? 0 : (quota.get(member) ?? 0) - growth.tokens);
      }
      this.#commit();
    }
  }

  /** A candidate is left that the engine did not fail. */
  #hasHope(): boolean {
    return Array.from(this.#alive).some((member) => !this.#prompts.has(member) && isSound(member));
  }

  async #judge(members: readonly Member[], judging: Judging): Promise<void> {
    const left = this.#ledger.tokensLeft();
    const { verdicts, tokens } = await this.#options.world.judge(members, judging, left);
    this.#ledger.spent.verifierTokens += tokens;
    this.#ledger.spent.verifierCalls += verdicts.filter(({ isUnpaid }) => !isUnpaid).length;
    const neutral = this.#standIn(judging, verdicts);
    for (const [index, member] of members.entries()) {
      const verdict = verdicts[index] ?? { score: undefined, failure: "INTERNAL" };
      member.read = member.tokens;
      const isNothing = isMute(member, verdict);
      if (verdict.isUnpaid) this.#isSpent = true;
      else if (verdict.score === undefined && !isNothing) {
        if (this.#options.strict) throw failedVerdict(verdict.failure);
        this.#isDegraded = true;
      }
      // An answer that came to its end without a word is worth nothing; of one that has not begun nobody knows.
      const score = verdict.score ?? (isNothing && !isOpen(member) ? 0 : neutral);
      if (judging === "process" && member.judged.get(judging)?.tokens === member.tokens) member.scores.pop();
      member.judged.set(judging, { tokens: member.tokens, score });
      if (judging === "process") member.scores.push(score);
      this.#options.onEvent(scoreEvent(member, judging, score, verdict.failure));
    }
  }

  #enter(member: Member): void {
    this.#members.set(member.id, member);
    this.#alive.add(member);
    this.#options.onEvent(candidateEvent(member, this.#options.world.steeringOf(member.id)));
  }

  #member({ id }: Candidate): Member {
    const member = this.#members.get(id);
    if (!member) throw new RangeError("a strategy named a candidate that it does not have");
    return member;
  }

  #showText(id: number, text: string): void {
    const member = this.#members.get(id);
    if (!member?.isAlive) return;
    member.text = text;
    this.#commit();
  }

  #commit(): void {
    const texts = Array.from(this.#alive, ({ text }) => text);
    this.#commitUpTo(texts[0] ?? "", sharedLength(texts, this.#committed));
  }

  #commitUpTo(text: string, length: number): void {
    if (length <= this.#committed) return;
    const from = this.#committed;
    this.#committed = length;
    this.#options.onCommit(text.slice(from, length));
    this.#options.onEvent({ case: "commit", value: { characters: length } });
  }
}
