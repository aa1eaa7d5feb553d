/**
 * Greedy answers to many prompts over one forward session: up to 16 sequences at a time, a new one opened as soon as one
 * ends, the common beginning of all prompts computed first so that the others can share it.
 */
import { TrimtabError } from "#kit/errors.ts";
import { cancelSafe, createPushable, type Pushable } from "#kit/streams.ts";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CommandSchema,
  type Event,
  type SessionRequest,
  SessionRequestSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import { type FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { patientCall, throwIfCancelled } from "./call.ts";

/** A program with its coefficients, as a build binds it. */
export type Binding = Pick<ProgramBinding, "programDigest" | "coefficients">;

/** One answer to generate. */
export interface GenerateJob {
  readonly ids: readonly number[];
  /** Absent: unsteered. */
  readonly binding?: Binding;
  readonly replayLast: boolean;
}

/** A generated answer. */
export interface Answer {
  readonly ids: readonly number[];
  readonly finish: FinishReason;
}

type Command = MessageInitShape<typeof CommandSchema>["command"];

/** Sequence that holds the common beginning. */
const TRUNK = 1n;
const FIRST_JOB = 2n;
const MIN_TRUNK_TOKENS = 8;

/** Answers in the order of the jobs. @throws TrimtabError of the first sequence that fails. */
export async function generateAnswers(
  clients: SteeringClients,
  model: ModelShape,
  jobs: readonly GenerateJob[],
  maxTokens: number,
  scope: WorkScope,
): Promise<Answer[]> {
  if (jobs.length === 0) return [];
  return patientCall(scope.signal, () => runSession(clients, model, jobs, maxTokens, scope));
}

async function runSession(
  { forward }: SteeringClients,
  model: ModelShape,
  jobs: readonly GenerateJob[],
  maxTokens: number,
  scope: WorkScope,
): Promise<Answer[]> {
  const requests = createPushable<SessionRequest>(2 * BUILD_LIMITS.batchSequences + 8);
  const send = createSender(requests, model.digest);
  const tokens = jobs.map(() => [] as number[]);
  const answers = new Map<number, Answer>();
  let opened = 0;
  const openNext = (): void => {
    const job = jobs[opened];
    if (job) send(...commandsOf(job, FIRST_JOB + BigInt(opened++), maxTokens));
  };
  const shared = commonPrefix(jobs.map((job) => job.ids));
  if (shared.length >= MIN_TRUNK_TOKENS) send({ case: "open", value: { sequenceId: TRUNK, ids: shared } });
  for (let i = 0; i < BUILD_LIMITS.batchSequences; i++) openNext();
  const events = cancelSafe((signal) => forward.session(requests, { signal }), scope.signal);
  try {
    for await (const response of events) {
      for (const event of response.events) {
        const index = Number(event.sequenceId - FIRST_JOB);
        const finished = apply(event, tokens[index], scope);
        if (finished === undefined) continue;
        answers.set(index, { ids: tokens[index] ?? [], finish: finished });
        send({ case: "release", value: { sequenceIds: [event.sequenceId] } });
        openNext();
      }
      if (answers.size === jobs.length) break;
    }
  } finally {
    requests.end();
  }
  throwIfCancelled(scope.signal);
  if (answers.size < jobs.length)
    throw new TrimtabError("SERVICE_UNAVAILABLE", "the forward service ended the session");
  return jobs.map((_, i) => answers.get(i) as Answer);
}

function commandsOf(job: GenerateJob, sequenceId: bigint, maxTokens: number): Command[] {
  const program = job.binding ? { program: job.binding } : {};
  return [
    { case: "open", value: { sequenceId, ids: [...job.ids] } },
    {
      case: "generate",
      value: {
        sequenceId,
        maxTokens,
        sampling: { temperature: 0 },
        replayLast: job.binding !== undefined && job.replayLast,
        ...program,
      },
    },
  ];
}

/** Takes an event in; the finish reason if it ends its answer. */
function apply({ event }: Event, ids: number[] | undefined, scope: WorkScope): FinishReason | undefined {
  switch (event.case) {
    case "opened":
      scope.spend(event.value.prefilledTokens);
      return undefined;
    case "tokens":
      ids?.push(...event.value.tokens.map((token) => token.id));
      scope.spend(event.value.tokens.length);
      return undefined;
    case "finished":
      return event.value.reason;
    case "failed":
      throw new TrimtabError(event.value.reason as never, event.value.message, { field: event.value.field });
    default:
      return undefined;
  }
}

function createSender(
  requests: Pushable<SessionRequest>,
  modelDigest: string,
): (...commands: Command[]) => void {
  let commandId = 1n;
  return (...commands) => {
    const numbered = commands.map((command) => create(CommandSchema, { commandId: commandId++, command }));
    requests.push(create(SessionRequestSchema, { modelDigest, commands: numbered }));
  };
}

function commonPrefix(texts: readonly (readonly number[])[]): number[] {
  const first = texts[0] ?? [];
  let length = Math.min(...texts.map((ids) => ids.length - 1));
  for (const ids of texts) {
    let same = 0;
    while (same < length && ids[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, Math.max(0, length));
}
