/**
 * One bidirectional stream to forward, for all sequences of a request.
 *
 * Leaving is the delicate part: resetting a shared HTTP/2 connection too often kills its other streams, and a reset alone
 * may strand a blocked peer. So `close` first releases every sequence and ends the request side, which frees the pages in
 * milliseconds, and cancels the stream only if it has not ended a moment later.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { fromConnectError, type Reason, REASONS, TrimtabError } from "#kit/errors.ts";
import { arrivalKey } from "#kit/grpc-streams.ts";
import { createPushable } from "#kit/streams.ts";
import {
  type Command,
  CommandSchema,
  type Event,
  type FailedEvent,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { createEventQueue, type TakeEvent } from "./event-queue.ts";
import type { FlowContext } from "./prepare.ts";
import { endOfScope } from "./reasons.ts";

/** A command without its id, which the session gives. */
export type SessionCommand = MessageInitShape<typeof CommandSchema>["command"];

/** An open session. One reader calls `next`; anyone may send. */
export interface ForwardSession {
  /** Sends commands that take effect together; answers with their ids. */
  send(...commands: SessionCommand[]): bigint[];
  /** Sends one command and waits until forward carried it out; somebody else must be reading. */
  confirm(command: SessionCommand): Promise<void>;
  /**
   * The next event that `take` does not take as it comes. Throws SERVICE_UNAVAILABLE if forward ends or falls silent, CANCELLED if the
   * client left, and what `take` throws.
   */
  next(take?: TakeEvent): Promise<Event>;
  /** Frees everything the session holds. May be called at any time, any number of times. */
  close(): void;
}

/** Opens a session on a model; nothing is sent before the first command. */
export function openSession(
  { clients, breathe }: Pick<FlowContext, "clients" | "breathe">,
  modelDigest: string,
  scope: CallScope,
): ForwardSession {
  const abort = new AbortController();
  const requests = createPushable<SessionRequest>();
  const answers = createAnswers();
  const alive = new Set<bigint>();
  const contextValues = createContextValues().set(arrivalKey, (message) => {
    const isTaken = events.arrive((message as SessionResponse).events);
    if (isTaken) reader.heard();
    return isTaken;
  });
  const responses = clients.forward
    .session(requests, { ...scope, signal: abort.signal, contextValues })
    [Symbol.asyncIterator]();
  const reader = createReader(responses, scope.signal);
  let nextCommand = 1n;
  let closed = false;

  const send = (...commands: SessionCommand[]): bigint[] => {
    const numbered = commands.map((command) => create(CommandSchema, { commandId: nextCommand++, command }));
    for (const command of numbered) {
      follow(alive, command);
      // What has ended by itself meanwhile has nothing left to stop or release: how these end does not matter.
      if (["stop", "release"].includes(command.command.case ?? "")) answers.ignore(command.commandId);
    }
    const { caller } = scope;
    requests.push(
      create(SessionRequestSchema, { modelDigest, commands: numbered, ...(caller && { caller }) }),
    );
    return numbered.map((command) => command.commandId);
  };

  const failed = (error: unknown): TrimtabError => {
    const typed = scope.signal.aborted ? endOfScope(scope.signal) : lost(error);
    answers.fail(typed);
    return typed;
  };

  const read = (): void =>
    void reader.read().then(
      (message) => events.add(message.events),
      (error: unknown) => events.fail(failed(error)),
    );
  const events = createEventQueue({ breathe, isHidden: answers.take, read });

  const close = (): void => {
    if (closed) return;
    closed = true;
    scope.signal.removeEventListener("abort", close);
    reader.close();
    if (alive.size > 0) {
      const sequenceIds = [...alive];
      send({ case: "stop", value: { sequenceIds } }, { case: "release", value: { sequenceIds } });
    }
    requests.end();
    answers.fail(new TrimtabError("CANCELLED", "the session was closed"));
    const timer = setTimeout(() => abort.abort(), LIMITS.sessionGraceMs);
    void drain(responses).finally(() => clearTimeout(timer));
  };
  if (scope.signal.aborted) close();
  else scope.signal.addEventListener("abort", close);

  return {
    send,
    next: events.next,
    close,
    confirm(command) {
      const [id] = send(command);
      if (!closed && id !== undefined) return answers.of(id);
      return Promise.reject(new TrimtabError("CANCELLED", "the session was closed"));
    },
  };
}

/** Answers to commands that somebody waits for, or that nobody wants. */
function createAnswers() {
  const waiting = new Map<bigint, PromiseWithResolvers<void>>();
  const unwanted = new Set<bigint>();
  return {
    ignore: (id: bigint): void => void unwanted.add(id),
    /** Resolves when the command is done, rejects when it fails. */
    of(id: bigint): Promise<void> {
      const answer = Promise.withResolvers<void>();
      waiting.set(id, answer);
      return answer.promise;
    },
    /** Takes an event if it is such an answer. */
    take({ commandId, event }: Event): boolean {
      if (event.case !== "done" && event.case !== "failed") return false;
      if (unwanted.delete(commandId)) return true;
      const answer = waiting.get(commandId);
      if (!answer) return false;
      waiting.delete(commandId);
      if (event.case === "failed") answer.reject(failure(event.value));
      else answer.resolve();
      return true;
    },
    fail(error: TrimtabError): void {
      for (const answer of waiting.values()) answer.reject(error);
      waiting.clear();
    },
  };
}

/** The typed error a `failed` event stands for. */
export function failure(event: FailedEvent): TrimtabError {
  // A reason nobody here knows is of another version.
  const reason = Object.hasOwn(REASONS, event.reason) ? (event.reason as Reason) : "SERVICE_UNAVAILABLE";
  return new TrimtabError(reason, event.message, {
    ...(event.field === "" ? {} : { field: event.field }),
    ...(event.limit === "" ? {} : { limit: event.limit }),
  });
}

function follow(alive: Set<bigint>, { command }: Command): void {
  if (command.case === "open") alive.add(command.value.sequenceId);
  if (command.case === "fork") for (const id of command.value.childIds) alive.add(id);
  if (command.case === "release") for (const id of command.value.sequenceIds) alive.delete(id);
}

/**
 * Reads messages one after the other, until the signal aborts or forward falls silent. One timer and one listener for all of
 * them: this is done once a token.
 */
function createReader(responses: AsyncIterator<SessionResponse>, signal: AbortSignal) {
  let leave: (error: TrimtabError) => void = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heardMs = performance.now();
  const onAbort = (): void => leave(endOfScope(signal));
  const listen = (forMs: number): void => void (timer = setTimeout(onTimer, forMs));
  const onTimer = (): void => {
    const leftMs = heardMs + LIMITS.forwardSilenceMs - performance.now();
    if (leftMs > 0) return listen(leftMs);
    const limit = `${LIMITS.forwardSilenceMs} ms`;
    timer = undefined;
    leave(new TrimtabError("SERVICE_UNAVAILABLE", "the forward service fell silent", { limit }));
  };
  const heard = (): void => void (heardMs = performance.now());
  signal.addEventListener("abort", onAbort);
  return {
    /** Something has come. */
    heard,
    /** The next message. @throws TrimtabError CANCELLED, DEADLINE_EXCEEDED, SERVICE_UNAVAILABLE */
    read: (): Promise<SessionResponse> =>
      new Promise((resolve, reject) => {
        leave = reject;
        if (signal.aborted) return onAbort();
        heard();
        if (!timer) listen(LIMITS.forwardSilenceMs);
        responses.next().then((result) => (result.done ? reject(ended()) : resolve(result.value)), reject);
      }),
    close(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

const ended = (): TrimtabError =>
  new TrimtabError("SERVICE_UNAVAILABLE", "the forward service ended the session");

function lost(error: unknown): TrimtabError {
  const typed = fromConnectError(error);
  const gone = typed.reason === "CANCELLED" || typed.reason === "INTERNAL" || typed.reason === "UNSUPPORTED";
  if (!gone) return typed;
  return new TrimtabError("SERVICE_UNAVAILABLE", "the forward service was lost", { cause: error });
}

async function drain(responses: AsyncIterator<SessionResponse>): Promise<void> {
  try {
    while (!(await responses.next()).done);
  } catch {
    // The stream is being left: how it ends no longer matters.
  }
}
