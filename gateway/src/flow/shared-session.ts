/**
 * Several generations on one session to forward. The first prompts of all of them travel in one message, because forward
 * computes once what the prompts of one message begin with; sequence and command ids of each are kept apart.
 */
import { createPushable, type Pushable } from "#kit/streams.ts";
import type { Event } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CallScope } from "../clients.ts";
import type { ForwardSession, SessionCommand } from "./forward-session.ts";
import { endOfScope } from "./reasons.ts";

/** Sequence ids of one generation lie below this; its place among the others above. */
const ID_BITS = 32n;

/** How a generation gets its session on a model. */
export type SessionOpener = (modelDigest: string, scope: CallScope) => ForwardSession;

interface Member {
  readonly base: bigint;
  readonly events: Pushable<Event>;
  nextCommand: bigint;
  opened: boolean;
}

interface Sent {
  readonly member: Member;
  readonly localId: bigint;
  readonly command: SessionCommand;
}

/** An opener for exactly `members` generations; `open` opens the session they share, which ends with the last of them. */
export function createSharedSession(
  members: number,
  open: (modelDigest: string) => ForwardSession,
): SessionOpener {
  const joined: Member[] = [];
  const owners = new Map<bigint, Sent>();
  let gathered: Sent[] | undefined = [];
  let session: ForwardSession | undefined;
  let left = 0;

  const pass = (batch: readonly Sent[]): void => {
    const ids = session?.send(...batch.map(({ member, command }) => moved(command, member.base))) ?? [];
    batch.forEach((sent, at) => owners.set(ids[at] ?? 0n, sent));
  };
  const send = (member: Member, commands: readonly SessionCommand[]): bigint[] => {
    const batch = commands.map((command) => ({ member, localId: member.nextCommand++, command }));
    const first = !member.opened && commands.some((command) => command?.case === "open");
    member.opened ||= first;
    if (first && gathered) {
      gathered.push(...batch);
      const all = gathered;
      if (joined.filter(({ opened }) => opened).length === members) {
        gathered = undefined;
        pass(all);
      }
    } else pass(batch);
    return batch.map(({ localId }) => localId);
  };
  const deliver = (event: Event): void => {
    const owner = owners.get(event.commandId);
    const at = Number(event.sequenceId >> ID_BITS);
    for (const member of owner ? [owner.member] : at > 0 ? joined.slice(at - 1, at) : joined) {
      const sequenceId = at > 0 ? event.sequenceId - member.base : 0n;
      member.events.push({ ...event, sequenceId, commandId: owner?.localId ?? 0n });
    }
  };
  const read = async (from: ForwardSession): Promise<void> => {
    try {
      while (left < members) deliver(await from.next());
    } catch (error) {
      for (const { events } of joined) events.fail(error);
    }
  };

  return (modelDigest, scope) => {
    if (!session) void read((session = open(modelDigest)));
    const shared = session;
    const base = BigInt(joined.length + 1) << ID_BITS;
    const events = createPushable<Event>(Infinity);
    const member: Member = { base, events, nextCommand: 1n, opened: false };
    joined.push(member);
    const onClose = (): void => void (++left === members && shared.close());
    return memberSession({ member, shared, scope, onClose, send: (commands) => send(member, commands) });
  };
}

interface MemberParts {
  readonly member: Member;
  readonly shared: ForwardSession;
  readonly scope: CallScope;
  readonly send: (commands: readonly SessionCommand[]) => bigint[];
  readonly onClose: () => void;
}

/** The shared session as one generation sees it. */
function memberSession({ member, shared, scope, send, onClose }: MemberParts): ForwardSession {
  const { base, events } = member;
  const leave = (): void => events.fail(endOfScope(scope.signal));
  if (scope.signal.aborted) leave();
  else scope.signal.addEventListener("abort", leave);
  const iterator = events[Symbol.asyncIterator]();
  let closed = false;
  return {
    send: (...commands) => send(commands),
    confirm: (command) => shared.confirm(moved(command, base)),
    async next(take) {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) throw endOfScope(scope.signal);
        if (!take?.(value)) return value;
      }
    },
    close() {
      if (closed) return;
      closed = true;
      scope.signal.removeEventListener("abort", leave);
      events.end();
      onClose();
    },
  };
}

/** The command with its sequence ids moved up. */
function moved(command: SessionCommand, base: bigint): SessionCommand {
  if (command?.case === undefined) return command;
  const value = { ...command.value } as { sequenceId?: bigint; sequenceIds?: bigint[]; childIds?: bigint[] };
  if (value.sequenceId !== undefined) value.sequenceId += base;
  if (value.sequenceIds) value.sequenceIds = value.sequenceIds.map((id) => id + base);
  if (value.childIds) value.childIds = value.childIds.map((id) => id + base);
  return { case: command.case, value } as SessionCommand;
}
