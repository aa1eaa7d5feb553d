/**
 * The operations of an edit at the positions that a request asks for. An edit says "all tokens" as two operations, prompt and
 * generated tokens, and a course as one a stretch: moved to one place all of them would act there at once. So of those that differ in
 * their positions alone only those act that did there; if none did, the first of them is moved. Pure; reads the vectors once.
 */
import { clone, toBinary } from "@bufbuild/protobuf";
import type { EditStrength } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type Operation, OperationSchema, Scope } from "#proto/trimtab/type/v1/program_pb.ts";

/** An operation of an edit with its strength. */
export interface EditOperation {
  readonly operation: Operation;
  readonly strength: EditStrength | undefined;
}

/** Scopes of operations that act where a scope does, besides itself. */
const ALSO: Readonly<Partial<Record<Scope, readonly Scope[]>>> = {
  [Scope.LAST]: [Scope.UNSPECIFIED, Scope.PROMPT],
  [Scope.DECODE]: [Scope.UNSPECIFIED],
};

/** The operations at the positions of a scope, in order. */
export function movedTo(scope: Scope, operations: readonly EditOperation[]): EditOperation[] {
  const there = [scope, ...(ALSO[scope] ?? [])];
  const alike = Map.groupBy(operations, ({ operation }) => bytesOf(withoutPositions(operation)));
  const acting = new Set([...alike.values()].flatMap((group) => actingOf(group, there)));
  return operations
    .filter((each) => acting.has(each))
    .map(({ operation, strength }) => ({ operation: moved(operation, scope), strength }));
}

/** Those of operations that differ in their positions alone which act at one of the scopes; else the first, with its equals. */
function actingOf(group: readonly EditOperation[], there: readonly Scope[]): readonly EditOperation[] {
  const own = group.filter(({ operation }) => there.includes(operation.scope));
  if (own.length > 0) return own;
  const [first] = group as [EditOperation, ...EditOperation[]];
  return group.filter(({ operation }) => bytesOf(operation) === bytesOf(first.operation));
}

function moved(operation: Operation, scope: Scope): Operation {
  const copy = clone(OperationSchema, operation);
  copy.scope = scope;
  if (scope !== Scope.DECODE) delete copy.answerWindow;
  return copy;
}

function withoutPositions(operation: Operation): Operation {
  const copy = moved(operation, Scope.UNSPECIFIED);
  copy.windowFirst = copy.windowEnd = 0;
  return copy;
}

const bytesOf = (operation: Operation): string =>
  Buffer.from(toBinary(OperationSchema, operation)).toString("latin1");
