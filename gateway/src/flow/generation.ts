/**
 * The flow of a steered answer: prepare -> prompt computed once -> plan -> choices forked and generated -> text by table
 * -> verdicts, as a stream of events (a search takes over after `started`). Leaving the generator at any point frees everything it holds in forward.
 */
import type { TrimtabError } from "#kit/errors.ts";
import { type PassingGenerator, passOn } from "#kit/passing.ts";
import type { GenerateResponse, GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { boundedScope, type CallScope } from "../clients.ts";
import { armsOf, generateCommand, launch } from "./arms.ts";
import { createChoiceRun } from "./choices.ts";
import { eventOf } from "./events.ts";
import { type ForwardSession, openSession } from "./forward-session.ts";
import { openPrompt } from "./opening.ts";
import { type FlowContext, type Prepared, prepare } from "./prepare.ts";
import { searchAnswer } from "./search/search.ts";
import type { SessionOpener } from "./shared-session.ts";
import { startStopwatch, type Stopwatch } from "./stopwatch.ts";
import { createSteerHandle, type SteerHandle } from "./steer.ts";

/** Generates; the last event is `completed`. Throws typed errors, before or between events. Run by `passing`. */
export async function* generate(
  flow: FlowContext,
  request: GenerationSpec | undefined,
  scope: CallScope,
  continuation = "",
  open: SessionOpener = (digest, own) => openSession(flow, digest, own),
): PassingGenerator<GenerateResponse> {
  const watch = startStopwatch();
  const bounded = boundedScope(scope);
  try {
    const prepared = await prepare(flow, request, bounded.scope, continuation);
    watch.parts.tokenizeMs = watch.elapsedMs();
    const { scope: within, abort } = bounded;
    yield passOn(run({ flow, prepared, watch, scope: within, abort, continuation, open }));
  } finally {
    bounded.clear();
  }
}

interface Request {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly watch: Stopwatch;
  readonly scope: CallScope;
  readonly abort: (error: TrimtabError) => void;
  readonly continuation: string;
  readonly open: SessionOpener;
}

interface Run extends Request {
  readonly session: ForwardSession;
  readonly handle: SteerHandle;
}

async function* run(request: Request): PassingGenerator<GenerateResponse> {
  const { flow, prepared, scope } = request;
  const session = request.open(prepared.model.digest, scope);
  const handle = createSteerHandle(flow, prepared, session);
  const generationId = flow.running.enter({ steer: handle.steer, abort: request.abort });
  try {
    yield started(prepared, generationId);
    const { scaling } = prepared;
    yield passOn(
      scaling ? searchAnswer({ ...request, scaling, session }) : answer({ ...request, session, handle }),
    );
  } finally {
    flow.running.leave(generationId);
    handle.end();
    session.close();
  }
}

async function* answer(run: Run): PassingGenerator<GenerateResponse> {
  const { flow, prepared, session, watch, scope } = run;
  const arms = armsOf(prepared.spec);
  const opening = await openPrompt(flow, session, prepared, arms, watch, scope);
  if (opening.decision) {
    const { report } = opening.decision;
    yield eventOf({ case: "planned", value: { report, planMs: watch.parts.planMs } });
  }
  const echo = echoOf(prepared, run.continuation);
  const program = opening.decision?.program;
  const { steeredPrompt } = opening;
  const { running, forks } = launch({
    prepared,
    arms,
    ...{ program, reply: opening.decision?.report.reply ?? "" },
    steeredPrompt,
    continuation: run.continuation,
  });
  if (echo !== "") {
    for (const { index } of running) yield eventOf({ case: "delta", value: { choice: index, text: echo } });
  }
  session.send(...forks, ...running.map((arm) => generateCommand(prepared, arm)));
  run.handle.begin(opening, running);
  const choices = createChoiceRun({ ...run, arms: running, ...opening });
  yield passOn(choices.events());
  const tokens = opening.usage.completionTokens;
  yield eventOf({ case: "completed", value: { usage: opening.usage, timings: watch.finish(tokens) } });
}

function started({ model, seed, prompt }: Prepared, generationId: string): GenerateResponse {
  const value = {
    generationId,
    model: model.name,
    modelDigest: model.digest,
    seed,
    promptTokens: prompt.ids.length,
  };
  return eventOf({ case: "started", value });
}

/** The prompt as it is repeated before the answer; the continuation of a fork always is. */
function echoOf({ spec, vocabulary }: Prepared, continuation: string): string {
  if (!spec.echo) return continuation;
  if (spec.prompt.case === "text") return spec.prompt.value + continuation;
  if (spec.prompt.case !== "ids") return continuation;
  const decoder = vocabulary.decoder();
  const text = spec.prompt.value.ids.map((id) => decoder.push(id)).join("");
  return text + decoder.end() + continuation;
}
