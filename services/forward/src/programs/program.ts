/** Intervention programs as the engine sees them: plain data, checked, before compilation. */

/** Places where a row can be read or changed; order as in the schema. */
export const SITES = [
  "residual",
  "block_input",
  "attention_norm",
  "mlp_norm",
  "attention_output",
  "mlp_output",
  "heads",
  "neurons",
  "router",
] as const;

/** A place in a block. */
export type Site = (typeof SITES)[number];

/** A stretch of numbers, half-open. */
export interface Span {
  readonly first: number;
  /** Infinity: no end. */
  readonly end: number;
}

/**
 * Positions an operation acts on; `answer` = last prompt token and everything generated. A window is counted in absolute
 * positions, the span of `decode` in generated tokens from the end of the prompt.
 */
export type Scope =
  | { readonly kind: "answer" | "prompt" | "last" }
  | { readonly kind: "decode"; readonly span?: Span }
  | ({ readonly kind: "window" } & Span);

/** What a token of a conversation is part of. */
export type Phase = "text" | "think" | "tool_call" | "template";

/** A span of a phase: from its opening token to its closing one, both included. */
export interface PhaseMarker {
  readonly phase: Exclude<Phase, "text">;
  readonly openId: number;
  /** Null: the span is the opening token. */
  readonly closeId: number | null;
}

/** What an operation does. */
export type OperationKind = "add" | "erase" | "rotate" | "multiply" | "cap_norm" | "replace" | "rotate_to";

/** One operation; its coefficient c travels with the request, at the index of the operation. */
export interface Operation {
  readonly site: Site;
  /** Block index, 0-based. */
  readonly layer: number;
  readonly kind: OperationKind;
  /** f32 [rank, dim]: rank 1, 2 for rotate and rotate_to, 0 for cap_norm. */
  readonly vectors: Float32Array;
  /** Radians (rotate, rotate_to), factor (multiply), fraction of the norm (cap_norm), target (replace). */
  readonly parameter: number;
  readonly condition: "none" | "above" | "relu";
  /** f32 [dim], for conditions. */
  readonly conditionVector: Float32Array | null;
  readonly threshold: number;
  readonly normPolicy: "none" | "preserve" | "cap";
  /** Fraction of the row's norm, for `cap`. */
  readonly cap: number;
  readonly scope: Scope;
  /** Phases of the tokens it acts on, sorted; absent: any. */
  readonly phases?: readonly Phase[];
  /** Higher wins. */
  readonly priority: number;
  /** Operations of one part do not conflict; absent: it is of none. */
  readonly part?: number;
}

/** What happens when several operations meet at one site, layer and position. */
export type ConflictRule = "sum" | "priority" | "orthogonalize" | "error";

/** An immutable intervention. */
export interface Program {
  readonly operations: readonly Operation[];
  readonly conflict: ConflictRule;
  /** How phases are told; absent: all is text. */
  readonly markers?: readonly PhaseMarker[];
}

/** Sizes a program is checked against. */
export interface ProgramShape {
  readonly layers: number;
  readonly width: number;
  /** heads · headDim */
  readonly headsWidth: number;
  readonly feedForward: number;
  /** Experts of a layer; 0 with a single MLP. */
  readonly experts: number;
}

/** Whether a model has a site: a router with experts, neurons of the one MLP without. */
export function hasSite(site: Site, { experts }: Pick<ProgramShape, "experts">): boolean {
  if (site === "router") return experts > 0;
  return site !== "neurons" || experts === 0;
}

/** Floats of a row at a site the model has. */
export function siteDim(site: Site, shape: ProgramShape): number {
  if (site === "heads") return shape.headsWidth;
  if (site === "router") return shape.experts;
  return site === "neurons" ? shape.feedForward : shape.width;
}

/**
 * Whether a scope covers a position.
 * @param promptTokens length of the prompt; the last prompt token is at promptTokens − 1
 */
export function covers(scope: Scope, position: number, promptTokens: number): boolean {
  switch (scope.kind) {
    case "answer":
      return position >= promptTokens - 1;
    case "prompt":
      return position < promptTokens;
    case "last":
      return position === promptTokens - 1;
    case "decode":
      return position >= promptTokens && isIn(position - promptTokens, scope.span);
    case "window":
      return isIn(position, scope);
  }
}

function isIn(value: number, span: Span | undefined): boolean {
  return span === undefined || (value >= span.first && value < span.end);
}

/** Whether two scopes can cover the same position of some sequence. */
function scopesMeet(a: Scope, b: Scope): boolean {
  if (a.kind === "window" && b.kind === "window") return overlap(a, b);
  if (a.kind === "window" || b.kind === "window") return true;
  if (a.kind === "decode" && b.kind === "decode") return !a.span || !b.span || overlap(a.span, b.span);
  const apart = (x: Scope, y: Scope) => x.kind === "decode" && (y.kind === "prompt" || y.kind === "last");
  return !apart(a, b) && !apart(b, a);
}

function overlap(a: Span, b: Span): boolean {
  return a.first < b.end && b.first < a.end;
}

/** Whether two operations can act on the same row of some sequence. */
export function masksMeet(a: Mask, b: Mask): boolean {
  const phasesMeet = !a.phases || !b.phases || a.phases.some((phase) => b.phases?.includes(phase));
  return phasesMeet && scopesMeet(a.scope, b.scope);
}

/** The window or span of a scope, if it has one. */
export function spanOf(scope: Scope): Span | undefined {
  if (scope.kind === "window") return scope;
  return scope.kind === "decode" ? scope.span : undefined;
}

/** Rows an operation acts on. */
export interface Mask {
  readonly scope: Scope;
  readonly phases?: readonly Phase[];
}

/**
 * Tells the phase of the token at a position, from it and those before it. Looks back to the opening token before it: the cost is
 * the length of the span or, outside of one, of the text since the last.
 */
export function phaseTeller(
  markers: readonly PhaseMarker[],
): (ids: ArrayLike<number>, position: number) => Phase {
  if (markers.length === 0) return () => "text";
  // Openings are special tokens, next to each other at an end of the vocabulary: most tokens are no candidates at a glance.
  const byOpening = new Map(markers.map((marker) => [marker.openId, marker]));
  const [lowest, highest] = [Math.min(...byOpening.keys()), Math.max(...byOpening.keys())];
  return (ids, position) => {
    for (let at = position; at >= 0; at--) {
      const id = ids[at] as number;
      if (id < lowest || id > highest) continue;
      const marker = byOpening.get(id);
      if (!marker) continue;
      return at === position || isOpenUntil(marker, ids, at, position) ? marker.phase : "text";
    }
    return "text";
  };
}

/** Whether a span is still open at a position; the token there may close it, and is part of it. */
function isOpenUntil(
  { closeId }: PhaseMarker,
  ids: ArrayLike<number>,
  opened: number,
  position: number,
): boolean {
  if (closeId === null) return false;
  for (let at = opened + 1; at < position; at++) if (ids[at] === closeId) return false;
  return true;
}

/** Text that is equal for equal masks. */
export function maskKey({ scope, phases }: Mask): string {
  return phases ? `${scopeKey(scope)} ${phases.join(" ")}` : scopeKey(scope);
}

/** Text that is equal for equal scopes. */
export function scopeKey(scope: Scope): string {
  const span = spanOf(scope);
  return span ? `${scope.kind} ${span.first} ${span.end}` : scope.kind;
}
