/** Ids of a session that are used again: who failed under one takes nothing from who has it now, and the end frees all. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { CommandSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { createSessionCommands } from "../../../services/forward/src/handlers/session-commands.ts";
import { createSessionEvents } from "../../../services/forward/src/handlers/session-events.ts";
import { CALLER, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import {
  generateCommand,
  openCommand,
  startForwardForFile,
  tokensOf,
} from "../../support/forward-service.ts";

const forward = await startForwardForFile();
const engine = await startEngineForFile();

const command = (commandId: bigint, name: "release" | "stop", ...sequenceIds: bigint[]) => ({
  commandId,
  command: { case: name, value: { sequenceIds } },
});
const fork = (commandId: bigint, sequenceId: bigint, ...childIds: bigint[]) => ({
  commandId,
  command: { case: "fork" as const, value: { sequenceId, childIds } },
});

test("a sequence opened under the id of one that was released stays when the released one's opening fails", async () => {
  const again = { ...openCommand(5n, prompt(30)), commandId: 300n };
  const events = await forward.session(
    { commands: [openCommand(5n, prompt(300, 2)), command(1n, "release", 5n), again] },
    { commands: [generateCommand(5n)] },
  );
  expect(tokensOf(events, 5n)).toHaveLength(5);
  await forward.emptied();
});

test("a sequence opened under the id of a child that was never born stays when its fork fails", async () => {
  const events = await forward.session({
    commands: [
      openCommand(1n, prompt(300, 3)),
      fork(2n, 1n, 7n),
      command(3n, "release", 7n),
      openCommand(7n, prompt(30, 4)),
      command(4n, "release", 1n),
      generateCommand(7n, { maxTokens: 3 }),
    ],
  });
  expect(tokensOf(events, 7n)).toHaveLength(3);
  await forward.emptied();
});

test("a message that comes after the end of its session opens nothing", async () => {
  const session = createSessionCommands(engine, CALLER, createSessionEvents());
  session.release();
  session.accept([create(CommandSchema, openCommand(1n, prompt(40)))]);
  await session.settled();
  expect(await engine.call({ type: "stats" })).toMatchObject({ sequences: 0, promptTokens: 0 });
});
