/**
 * The flow of a searched answer: prompts of all steerings opened -> strategy over engine and verifier -> one choice, as a
 * stream of events. Text leaves as soon as every candidate left shares it.
 */
import { create } from "@bufbuild/protobuf";
import { createPushable, type Pushable } from "#kit/streams.ts";
import { type GenerateResponse, SearchEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason, ScalingUsageSchema, type Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope } from "../../clients.ts";
import { answerOf } from "../../strategies/answers.ts";
import { finishReasonOf } from "../../strategies/members.ts";
import { runSearch, type SearchResult } from "../../strategies/runtime.ts";
import type { Candidate } from "../../strategies/strategy.ts";
import { eventOf } from "../events.ts";
import type { ForwardSession } from "../forward-session.ts";
import type { FlowContext, Prepared } from "../prepare.ts";
import type { Stopwatch } from "../stopwatch.ts";
import { verdictsEvent } from "../verdicts.ts";
import { openArms } from "./arms.ts";
import { contextOf, createEngineWorld, type EngineInput, type EngineWorld } from "./engine-world.ts";
import type { PreparedScaling } from "./options.ts";
import { finalReport } from "./report.ts";
import { createPatience } from "./verdict-time.ts";

const NEVER = new AbortController().signal;

/** What a search runs with. */
export interface SearchRun {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly scaling: PreparedScaling;
  readonly session: ForwardSession;
  readonly watch: Stopwatch;
  readonly scope: CallScope;
}

/** Events after `started`; the last one is `completed`. Leaving frees nothing by itself: the session does. */
export async function* searchAnswer(run: SearchRun): AsyncGenerator<GenerateResponse, void> {
  const { watch } = run;
  const opened = await openArms(run);
  for (const { report, planMs } of opened.plans)
    yield eventOf({ case: "planned", value: { report, planMs } });
  const { usage, arms } = opened;
  const input: EngineInput = { ...run, arms, usage, patience: createPatience(run) };
  const world = createEngineWorld(input);
  const events = createPushable<GenerateResponse>(Infinity);
  const ended = runOnEngine(input, world, events).finally(() => events.end());
  // A failure reaches the client when its turn comes.
  ended.catch(() => undefined);
  yield* events;
  const result = await ended;
  const { chosen } = result.outcome;
  bill(usage, world, result, watch);
  const finished = {
    choice: 0,
    reason: endOf(chosen),
    generatedTokens: chosen.tokens,
    steered: world.isSteered(chosen),
  };
  yield eventOf({ case: "finished", value: finished });
  yield eventOf({ case: "search", value: { event: { case: "final", value: finalReport(run, result) } } });
  const shown = { text: chosen.text, tokens: world.tokensOf(chosen), reason: finished.reason };
  yield* await verdictsEvent(input, { index: 0, ...shown });
  yield eventOf({ case: "completed", value: { usage, timings: watch.finish(usage.completionTokens) } });
}

async function runOnEngine(
  { prepared, scaling, scope, watch }: EngineInput,
  world: EngineWorld,
  events: Pushable<GenerateResponse>,
): Promise<SearchResult> {
  const { strategy, parameters, budget, step, answer, isStrict, isTraced } = scaling;
  const { spec, prompt, seed } = prepared;
  const room = Math.max(1, contextOf({ prepared, scaling }) - prompt.ids.length);
  const left = Math.max(0, budget.milliseconds - watch.elapsedMs());
  const timeUp = Number.isFinite(left) ? AbortSignal.timeout(Math.ceil(left)) : NEVER;
  return runSearch(strategy, parameters, {
    ...{ world, budget, seed, timeUp },
    maxTokens: spec.maxTokens === 0 ? room : Math.min(room, spec.maxTokens),
    stepTokens: step.tokens,
    steps: step.steps,
    strict: isStrict,
    answerOf: (text) => answerOf(text, answer),
    onEvent(event) {
      if (scope.onSearch) scope.onSearch(create(SearchEventSchema, { event }).event);
      if (isTraced) events.push(eventOf({ case: "search", value: { event } }));
    },
    onCommit: (text) => void events.push(eventOf({ case: "delta", value: { choice: 0, text } })),
  });
}

/** Every generated token is billed, whether it is part of the answer or not. */
function bill(usage: Usage, world: EngineWorld, { outcome, ledger }: SearchResult, watch: Stopwatch): void {
  const { candidates, generated, verifierTokens, verifierCalls } = ledger.spent;
  usage.completionTokens = generated;
  usage.verifiedTokens += verifierTokens;
  usage.scaling = create(ScalingUsageSchema, {
    candidates,
    generatedTokens: generated,
    prefilledTokens: usage.prefilledTokens,
    prefilledTokensWithoutReuse: world.prefixTokens(),
    verifierTokens,
    verifierCalls,
    discardedTokens: generated - outcome.chosen.tokens,
    wallMs: watch.elapsedMs(),
  });
}

/** Why an answer ended; one that the budget cut met a limit like any other. */
function endOf({ ended }: Candidate): FinishReason {
  return ended === undefined ? FinishReason.LENGTH : finishReasonOf(ended);
}
