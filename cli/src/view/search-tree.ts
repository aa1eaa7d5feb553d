/** The tree of a search as lines: what each candidate added to the one it continues, its score, and what became of it. */
import type { SearchEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { colour, fit, printable } from "./style.ts";

/** A tree that grows with the events of a search. */
export interface SearchTree {
  /** Takes an event in. */
  take(event: SearchEvent): void;
  /** The tree, one line a candidate. */
  lines(columns: number): string[];
}

interface Node {
  readonly id: number;
  readonly children: Node[];
  text: string;
  score: number | undefined;
  hasEnded: boolean;
  isPruned: boolean;
}

const SCORE_COLUMNS = 7;

/** Creates the tree of a prompt. */
export function createSearchTree(prompt: string): SearchTree {
  const root = createNode(0);
  root.text = prompt;
  const nodes = new Map([[0, root]]);
  let path = new Set<number>();
  const parents = new Map<number, number>();
  return {
    take({ event }) {
      if (event.case === "candidate") {
        const { candidate, parent } = event.value;
        const node = createNode(candidate);
        nodes.set(candidate, node);
        nodes.get(parent)?.children.push(node);
        parents.set(candidate, parent);
      } else if (event.case === "step") {
        const node = nodes.get(event.value.candidate);
        if (!node) return;
        node.text += event.value.text;
        node.hasEnded = event.value.ended !== FinishReason.UNSPECIFIED;
      } else if (event.case === "score") {
        const node = nodes.get(event.value.candidate);
        if (node) node.score = event.value.score;
      } else if (event.case === "prune") {
        for (const id of event.value.candidates) setPruned(nodes.get(id));
      } else if (event.case === "final") path = pathTo(event.value.candidate, parents);
    },
    lines: (columns) => [fit(oneLine(root.text), columns), ...branches(root, "", columns, path)],
  };
}

function createNode(id: number): Node {
  return { id, children: [], text: "", score: undefined, hasEnded: false, isPruned: false };
}

function setPruned(node: Node | undefined): void {
  if (node) node.isPruned = true;
}

/** A candidate and those it continues. */
function pathTo(candidate: number, parents: ReadonlyMap<number, number>): Set<number> {
  const path = new Set<number>();
  for (let id = candidate; id !== 0; id = parents.get(id) ?? 0) path.add(id);
  return path;
}

function branches(node: Node, indent: string, columns: number, path: ReadonlySet<number>): string[] {
  return node.children.flatMap((child, i) => {
    const isLast = i === node.children.length - 1;
    const head = `${indent}${isLast ? "└─" : "├─"}${markOf(child, path)} `;
    const room = Math.max(1, columns - head.length - SCORE_COLUMNS);
    const score = child.score === undefined ? "" : child.score.toFixed(3);
    const line = `${head}${fit(oneLine(child.text), room)} ${score.padStart(SCORE_COLUMNS - 1)}`;
    return [shade(child, path)(line), ...branches(child, `${indent}${isLast ? "  " : "│ "}`, columns, path)];
  });
}

function markOf(node: Node, path: ReadonlySet<number>): string {
  if (path.has(node.id)) return "★";
  if (node.isPruned) return "✗";
  return node.hasEnded ? "●" : "○";
}

function shade(node: Node, path: ReadonlySet<number>): (line: string) => string {
  if (path.has(node.id)) return colour.green;
  return node.isPruned ? colour.dim : (line) => line;
}

function oneLine(text: string): string {
  return printable(text.trim().replaceAll("\n", " ⏎ "));
}
