/** Opens of a session: those of one message, under one binding, share what they begin with. */
import type { StreamEvent } from "../engine/client.ts";
import { openForest } from "../engine/forest.ts";
import { toForestOpen, toText } from "../schema/opens.ts";
import { add, answer, type Answer, type CommandOf, forget, type Session } from "./session-state.ts";

/** Keeps an open until its message is read. @throws TrimtabError for a refused one */
export function queueOpen(session: Session, open: CommandOf<"open">, command: bigint): void {
  const id = open.sequenceId;
  const text = toText(open, 0, session.caller, session.engine.model);
  const onEvent = (event: StreamEvent) => session.events.stream(id, command, event);
  session.opens.push({ text: { ...text, sequence: add(session, id), onEvent }, id, command });
}

/** Sends the opens gathered so far, those under one binding sharing what they begin with. */
export function sendOpens(session: Session): void {
  const { engine } = session;
  const waiting = session.opens;
  session.opens = [];
  for (const group of Map.groupBy(waiting, ({ text }) => JSON.stringify(text.binding)).values()) {
    const texts = group.map(({ text }) => toForestOpen(text));
    for (const [index, opening] of openForest(engine, texts).entries()) {
      const { id = 0n, command = 0n } = group[index] ?? {};
      const { sequence } = texts[index]?.command ?? { sequence: 0 };
      const opened = opening.then((value): Answer => ({ case: "opened", value }));
      opened.catch(() => forget(session, id, sequence));
      answer(session, id, command, opened);
    }
  }
}
