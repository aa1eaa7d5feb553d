/** Commands of a session: the client's sequence ids mapped to the engine's, each command answered by its events. */
import { TrimtabError } from "#kit/errors.ts";
import type { Command } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_CHILDREN, MAX_COMMANDS } from "../../limits.ts";
import type { Engine } from "../engine/client.ts";
import { openForest } from "../engine/forest.ts";
import type { SequenceId } from "../engine/protocol.ts";
import { checkCount, fromFinished, toGenerate } from "./convert.ts";
import type { TextToOpen } from "./opens.ts";
import { toForestOpen, toText } from "./opens.ts";
import type { EventInit, SessionEvents } from "./session-events.ts";

type Answer = NonNullable<EventInit["event"]>;
type CommandOf<Case extends string> = Extract<Command["command"], { case: Case }>["value"];

/** The incoming half of a session. */
export interface SessionCommands {
  /** Carries out a batch; a bad command fails alone. @throws TrimtabError TOO_LARGE for the batch */
  accept(commands: readonly Command[]): void;
  /** Resolves when every command is answered. */
  settled(): Promise<void>;
  /** Frees every sequence of the session. */
  release(): void;
}

/** The commands of one session on one engine. */
export function createSessionCommands(engine: Engine, events: SessionEvents): SessionCommands {
  const sequences = new Map<bigint, SequenceId>();
  const running = new Set<Promise<void>>();
  let opens: { text: TextToOpen; id: bigint; command: bigint }[] = [];

  const find = (id: bigint): SequenceId => {
    const sequence = sequences.get(id);
    if (sequence !== undefined) return sequence;
    throw new TrimtabError("SEQUENCE_NOT_FOUND", `the session has no sequence ${id}`, {
      field: "sequence_id",
    });
  };
  const add = (id: bigint): SequenceId => {
    if (sequences.has(id)) {
      throw new TrimtabError("INVALID_ARGUMENT", `sequence ${id} exists already`, { field: "sequence_id" });
    }
    const sequence = engine.newSequence();
    sequences.set(id, sequence);
    return sequence;
  };
  const answer = (id: bigint, command: bigint, result: Promise<Answer>): void => {
    const done: Promise<void> = result
      .then((event) => events.push({ sequenceId: id, commandId: command, event }))
      .catch((error: unknown) => events.failed(id, command, error))
      .finally(() => running.delete(done));
    running.add(done);
  };
  const done = async (result: Promise<unknown>): Promise<Answer> => {
    await result;
    return { case: "done", value: {} };
  };
  const streamTo = (id: bigint, command: bigint) => (event: Parameters<SessionEvents["stream"]>[2]) =>
    events.stream(id, command, event);

  /** Sends the opens gathered so far, those under one binding sharing what they begin with. */
  const sendOpens = (): void => {
    const waiting = opens;
    opens = [];
    for (const group of Map.groupBy(waiting, ({ text }) => JSON.stringify(text.binding)).values()) {
      const answers = openForest(
        engine,
        group.map(({ text }) => toForestOpen(text)),
      );
      for (const [index, { id, command }] of group.entries()) {
        const opened = answers[index]?.then((value): Answer => ({ case: "opened", value }));
        if (!opened) continue;
        opened.catch(() => sequences.delete(id));
        answer(id, command, opened);
      }
    }
  };
  const fork = async ({ sequenceId, childIds }: CommandOf<"fork">): Promise<Answer> => {
    checkCount("child_ids", childIds.length, MAX_CHILDREN);
    const parent = find(sequenceId);
    const added: bigint[] = [];
    try {
      const children = childIds.map((id) => {
        const child = add(id);
        added.push(id);
        return child;
      });
      const { copiedPages } = await engine.call({ type: "fork", sequence: parent, children });
      return { case: "forked", value: { childIds, copiedPages } };
    } catch (error) {
      for (const id of added) sequences.delete(id);
      throw error;
    }
  };
  const generate = async (command: CommandOf<"generate">, id: bigint): Promise<Answer> => {
    const { sequenceId } = command;
    const input = { ...toGenerate(command, engine.model), sequence: find(sequenceId) };
    const finished = await engine.call(input, streamTo(sequenceId, id));
    return { case: "finished", value: fromFinished(finished) };
  };
  const coefficients = ({ sequenceId, coefficients: values }: CommandOf<"setCoefficients">) =>
    engine.call({ type: "coefficients", sequence: find(sequenceId), coefficients: values });
  const each = (type: "release" | "stop", ids: readonly bigint[]) => {
    const found = ids.map(find);
    if (type === "release") for (const id of ids) sequences.delete(id);
    return engine.call({ type, sequences: found });
  };

  const accept = ({ commandId: id, command }: Command): void => {
    if (command.case !== "open") sendOpens();
    switch (command.case) {
      case "open": {
        const { sequenceId } = command.value;
        const text = toText(command.value, 0, engine.model);
        const onEvent = streamTo(sequenceId, id);
        opens.push({ text: { ...text, sequence: add(sequenceId), onEvent }, id: sequenceId, command: id });
        return;
      }
      case "fork":
        return answer(command.value.sequenceId, id, fork(command.value));
      case "generate":
        return answer(command.value.sequenceId, id, generate(command.value, id));
      case "setCoefficients":
        return answer(command.value.sequenceId, id, done(coefficients(command.value)));
      case "truncate": {
        const { sequenceId, tokens } = command.value;
        return answer(
          sequenceId,
          id,
          done(engine.call({ type: "truncate", sequence: find(sequenceId), tokens })),
        );
      }
      case "release":
      case "stop":
        return answer(0n, id, done(each(command.case, command.value.sequenceIds)));
      default:
        throw new TrimtabError("FIELD_REQUIRED", "a command is missing", { field: "command" });
    }
  };

  return {
    accept(commands) {
      checkCount("commands", commands.length, MAX_COMMANDS);
      for (const command of commands) {
        try {
          accept(command);
        } catch (error) {
          events.failed(sequenceOf(command), command.commandId, error);
        }
      }
      sendOpens();
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
    release() {
      const left = [...sequences.values()];
      sequences.clear();
      if (left.length > 0) engine.call({ type: "release", sequences: left }).catch(() => undefined);
    },
  };
}

function sequenceOf({ command: { value } }: Command): bigint {
  return value && "sequenceId" in value ? value.sequenceId : 0n;
}
