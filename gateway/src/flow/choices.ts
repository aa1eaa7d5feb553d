/** The second half of a generation: events of forward -> text, ends and verdicts of the choices. */
import { TrimtabError } from "#kit/errors.ts";
import type { Event, FailedEvent, FinishedEvent } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Activation } from "#proto/trimtab/type/v1/program_pb.ts";
import { FinishReason, type Token, type Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope } from "../clients.ts";
import { generateCommand, type RunningArm } from "./arms.ts";
import type { SpelledToken, TextPiece } from "./choice-text.ts";
import { eventOf } from "./events.ts";
import { failure, type ForwardSession } from "./forward-session.ts";
import { releaseOf } from "./opening.ts";
import type { FlowContext, Prepared } from "./prepare.ts";
import type { ProgramFacts } from "./programs.ts";
import type { Stopwatch } from "./stopwatch.ts";
import { createStepwise } from "./stepwise.ts";
import { verdictsEvent } from "./verdicts.ts";

/** What the choices of one request run with; `usage` is added to. */
export interface ChoiceRunInput {
  readonly flow: FlowContext;
  readonly prepared: Prepared;
  readonly session: ForwardSession;
  readonly watch: Stopwatch;
  readonly scope: CallScope;
  readonly arms: readonly RunningArm[];
  readonly usage: Usage;
  /** What is known of the program the steered choices run under. */
  readonly facts: ProgramFacts | undefined;
  /** What steering decided on, of the prompt. */
  readonly activations: readonly Activation[];
}

/** Choices under way. */
export interface ChoiceRun {
  /** Deltas, ends and verdicts, until every choice has ended and is judged. */
  events(): AsyncGenerator<GenerateResponse, void>;
}

/** Reads the choices that were started; throws if one of them fails. */
export function createChoiceRun(input: ChoiceRunInput): ChoiceRun {
  const { session, arms, scope } = input;
  const stepwise = createStepwise(input);
  const bySequence = new Map(arms.map((arm) => [arm.sequenceId, arm]));
  const judgements: Promise<void>[] = [];
  /** To be yielded. */
  const ready: GenerateResponse[] = [];
  const uploadedAgain = new Set<RunningArm>();

  async function retry(arm: RunningArm, failed: FailedEvent): Promise<void> {
    const error = failure(failed);
    const may = error.reason === "PROGRAM_NOT_FOUND" && arm.generated === 0 && !uploadedAgain.has(arm);
    if (!may) throw error;
    uploadedAgain.add(arm);
    await uploadAgain(input, arm);
  }

  /** Tokens are text on its way to the client in the moment they come; what cannot be sent is ready. */
  function take({ sequenceId, event }: Event): boolean {
    if (event.case !== "tokens") return false;
    const arm = bySequence.get(sequenceId);
    if (arm && !arm.finished && !arm.text.stopped) {
      const delta = takeTokens(input, arm, event.value.tokens);
      if (arm.text.stopped) session.send({ case: "stop", value: { sequenceIds: [arm.sequenceId] } });
      if (delta && !scope.send?.(delta)) ready.push(delta);
    }
    return ready.length === 0;
  }

  function handle(arm: RunningArm, event: Event["event"]): void {
    if (event.case === "activation") {
      stepwise.read(arm, event.value);
    } else if (event.case === "finished") {
      const rest = pieceEvent(input, arm, arm.text.end());
      if (rest) ready.push(rest);
      ready.push(finish(input, arm, event.value));
      const { index, text, tokens } = arm;
      const reason = finishReason(arm, event.value);
      const verdicts = verdictsEvent(input, { index, text: text.text, tokens, reason });
      const judgement = verdicts.then((events) => void ready.push(...events));
      // Awaited at the end; a failure before that must not count as unhandled.
      judgement.catch(() => undefined);
      judgements.push(judgement);
    }
  }

  return {
    async *events() {
      while (arms.some((arm) => !arm.finished)) {
        const { sequenceId, event } = await session.next(take);
        const arm = bySequence.get(sequenceId);
        const runs = arm !== undefined && !arm.finished;
        if (event.case === "failed" && runs) await retry(arm, event.value);
        else if (event.case === "parked" && runs) await stepwise.decide(arm);
        else if (event.case === "failed" && sequenceId === 0n) throw failure(event.value);
        else if (runs) handle(arm, event);
        if (ready.length > 0) yield* ready.splice(0);
      }
      await Promise.all(judgements);
      yield* ready.splice(0);
    },
  };
}

/** Forward has lost the program (it was restarted): nothing was generated yet, so it may be tried once more. */
async function uploadAgain(
  { flow, prepared, session, scope }: ChoiceRunInput,
  arm: RunningArm,
): Promise<void> {
  if (!arm.program) return;
  flow.programs.forget(arm.program.programDigest);
  await flow.programs.ensure(arm.program, scope);
  session.send(generateCommand(prepared, arm));
}

function takeTokens(
  input: ChoiceRunInput,
  arm: RunningArm,
  tokens: readonly Token[],
): GenerateResponse | undefined {
  const { vocabulary, model, spec } = input.prepared;
  // Told of no other tokens.
  const { logprobs, minTokens } = spec;
  let text = "";
  const behind: SpelledToken[] = [];
  for (const token of tokens) {
    if (arm.text.stopped) break;
    if (!Number.isFinite(token.logprob) || token.id >= model.vocabularySize) throw contradiction();
    input.watch.firstToken();
    arm.generated++;
    if (vocabulary.stopIds.has(token.id)) continue;
    arm.tokens.push(token);
    const spelling = logprobs ? vocabulary.spelling(token.id) : "";
    const piece = arm.text.push({ token, spelling }, arm.generated > minTokens);
    text += piece.text;
    behind.push(...piece.tokens);
  }
  return pieceEvent(input, arm, { text, tokens: behind });
}

function pieceEvent(input: ChoiceRunInput, arm: RunningArm, piece: TextPiece): GenerateResponse | undefined {
  const wanted = input.prepared.spec.logprobs ? piece.tokens : [];
  if (piece.text === "" && wanted.length === 0) return undefined;
  const value = {
    choice: arm.index,
    text: piece.text,
    tokens: wanted.map(({ token }) => token),
    tokenTexts: wanted.map(({ spelling }) => spelling),
  };
  return eventOf({ case: "delta", value });
}

function finish(input: ChoiceRunInput, arm: RunningArm, event: FinishedEvent): GenerateResponse {
  const { usage, session, prepared } = input;
  const acted = event.proof.some((layer) => layer.rows > 0);
  checkEnd(input, arm, event, acted);
  arm.finished = true;
  // What ended it may be counted without having been sent.
  const isAsCounted = [0, 1].includes(event.generatedTokens - arm.generated);
  if (!arm.text.stopped && !isAsCounted) throw contradiction();
  if (!arm.text.stopped) arm.generated = event.generatedTokens;
  usage.completionTokens += arm.generated;
  usage.replayedTokens += event.replayedTokens;
  usage.prefilledTokens += event.replayedTokens;
  usage.draftedTokens += event.draftedTokens;
  usage.acceptedTokens += event.acceptedTokens;
  session.send(releaseOf(arm.sequenceId));
  const { steering } = prepared.spec;
  const shown = steering?.proof === true || steering?.compare === true;
  const value = {
    choice: arm.index,
    reason: finishReason(arm, event),
    generatedTokens: arm.generated,
    steered: (arm.program !== undefined && acted) || arm.reply !== "",
    proof: shown ? event.proof : [],
  };
  return eventOf({ case: "finished", value });
}

/** A forward that says what cannot be is believed nothing. */
const contradiction = (): TrimtabError =>
  new TrimtabError("SERVICE_UNAVAILABLE", "the forward service contradicts itself");

/** Throws if a choice did not end properly, or if forward's own proof says that it ran without its program. */
function checkEnd({ facts }: ChoiceRunInput, arm: RunningArm, event: FinishedEvent, acted: boolean): void {
  const { reason, generatedTokens } = event;
  if (reason === FinishReason.ERROR || (reason === FinishReason.CANCELLED && !arm.text.stopped)) {
    throw new TrimtabError("SERVICE_UNAVAILABLE", "forward could not finish a choice");
  }
  const must = arm.program && !arm.resteered && facts?.mustAct(arm.program.coefficients, generatedTokens);
  if (must && !acted) {
    throw new TrimtabError("STEERING_UNAVAILABLE", "a steered choice ran without its program; discard it");
  }
}

/** A choice we stopped at a stop string has ended properly, whatever forward calls it. */
function finishReason(arm: RunningArm, event: FinishedEvent): FinishReason {
  return arm.text.stopped ? FinishReason.STOP : event.reason;
}
