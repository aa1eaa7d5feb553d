/**
 * Greedy answers to many prompts over one forward session. Prompts are opened in groups, in one message each, because
 * forward computes once what the texts of a message begin with; the next group follows while the last one still runs.
 */
import { REASONS, type Reason, TrimtabError } from "#kit/errors.ts";
import { createPushable, type Pushable } from "#kit/streams.ts";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CommandSchema,
  type Event,
  type FailedEvent,
  type SessionRequest,
  SessionRequestSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { type FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { BUILD_LIMITS } from "../../limits.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { type CallOptions, throwIfCancelled } from "./call.ts";
import { type Binding, boundCall } from "./programs.ts";
import { sessionResponses } from "./session-responses.ts";

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

/** Answers in the order of the jobs. @throws TrimtabError of the first sequence that fails; SERVICE_UNAVAILABLE if forward falls silent. */
export async function generateAnswers(
  clients: SteeringClients,
  model: ModelShape,
  jobs: readonly GenerateJob[],
  maxTokens: number,
  scope: WorkScope,
): Promise<Answer[]> {
  if (jobs.length === 0) return [];
  const bindings = jobs.map(({ binding }) => binding);
  return boundCall(clients, bindings, scope.signal, (options) =>
    runSession(clients, model, { jobs, maxTokens, scope }, options),
  );
}

interface Order {
  readonly jobs: readonly GenerateJob[];
  readonly maxTokens: number;
  readonly scope: WorkScope;
}

async function runSession(
  clients: SteeringClients,
  model: ModelShape,
  { jobs, maxTokens, scope }: Order,
  options: CallOptions,
): Promise<Answer[]> {
  const requests = createPushable<SessionRequest>(jobs.length + BUILD_LIMITS.batchSequences);
  const send = createSender(requests, model.digest);
  const tokens = jobs.map(() => [] as number[]);
  const answers = new Map<number, Answer>();
  let opened = 0;
  const refill = (): void => {
    while (opened < jobs.length && opened - answers.size <= BUILD_LIMITS.batchSequences) {
      const group = jobs.slice(opened, opened + BUILD_LIMITS.batchSequences);
      send(
        ...group.map(({ ids }, i) => openCommand(ids, opened + i)),
        ...group.map((job, i) => generateCommand(job, opened + i, maxTokens)),
      );
      opened += group.length;
    }
  };
  refill();
  try {
    for await (const response of sessionResponses(clients, requests, options)) {
      for (const event of response.events) {
        const index = Number(event.sequenceId) - 1;
        const finish = apply(event, tokens[index], scope);
        if (finish === undefined) continue;
        answers.set(index, { ids: tokens[index] ?? [], finish });
        send({ case: "release", value: { sequenceIds: [event.sequenceId] } });
      }
      if (answers.size === jobs.length) break;
      refill();
    }
  } finally {
    requests.end();
  }
  throwIfCancelled(scope.signal);
  if (answers.size < jobs.length) {
    throw new TrimtabError("SERVICE_UNAVAILABLE", "the forward service ended the session");
  }
  return jobs.map((_, i) => answers.get(i) as Answer);
}

/** Sequence ids are the indices of the jobs, counted from 1: 0 means none. */
const sequenceOf = (index: number): bigint => BigInt(index + 1);

function openCommand(ids: readonly number[], index: number): Command {
  return { case: "open", value: { sequenceId: sequenceOf(index), ids: [...ids] } };
}

function generateCommand({ binding, replayLast }: GenerateJob, index: number, maxTokens: number): Command {
  const value = { sequenceId: sequenceOf(index), maxTokens, sampling: { temperature: 0 } };
  return { case: "generate", value: binding ? { ...value, program: binding, replayLast } : value };
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
      throw failure(event.value);
    default:
      return undefined;
  }
}

function failure({ reason, message, field }: FailedEvent): TrimtabError {
  const known = Object.hasOwn(REASONS, reason) ? (reason as Reason) : "INTERNAL";
  return new TrimtabError(known, message, field === "" ? {} : { field });
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
