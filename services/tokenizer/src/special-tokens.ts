/**
 * Finds spellings of special tokens in text, the leftmost first and the longest among those that start together; and
 * makes such spellings in a user's text unreadable by putting a mark into them.
 *
 * Cost: one step a character; a trie of the spellings.
 */
import { TOKEN_TYPE } from "#kit/token-bytes.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A part of a text: ordinary text, or a special token that ends at `end` (UTF-16 offset). */
export type TextPart = { readonly text: string } | { readonly id: number; readonly end: number };

/** The special tokens of a vocabulary. */
export interface SpecialTokens {
  /**
   * Cuts `text` at special tokens. User-defined tokens are always found, control and unknown tokens only with
   * `withControl`.
   */
  split(text: string, withControl: boolean): TextPart[];
  /** `text` with `mark` put where a spelling of a control token is, starts or ends. */
  guard(text: string, mark: string): string;
}

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  id?: number;
}

/** A spelling of one character cannot be broken by a mark: it is never read as a special token. */
const MIN_CONTROL_CHARS = 2;

/** Collects the special tokens of a vocabulary. */
export function createSpecialTokens(vocabulary: Vocabulary): SpecialTokens {
  const users = createTrie();
  const controls = createTrie();
  const all = createTrie();
  const endings = createTrie();
  vocabulary.tokens.forEach((spelling, id) => {
    const type = vocabulary.types[id];
    if (type === TOKEN_TYPE.user) [users, all].forEach((trie) => insert(trie, spelling, id));
    const isControl = type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown;
    if (!isControl || spelling.length < MIN_CONTROL_CHARS) return;
    [controls, all].forEach((trie) => insert(trie, spelling, id));
    for (let from = 1; from < spelling.length; from++) insert(endings, spelling.slice(from), id);
  });
  return {
    split: (text, withControl) => splitAt(text, withControl ? all : users),
    guard(text, mark) {
      const cuts = new Set<number>();
      if (longestAt(endings, text, 0) !== undefined) cuts.add(0);
      for (let at = 0; at < text.length; at++) {
        if (touches(controls, text, at)) cuts.add(at + 1);
      }
      if (cuts.size === 0) return text;
      let guarded = "";
      let from = 0;
      for (const cut of cuts) {
        guarded += text.slice(from, cut) + mark;
        from = cut;
      }
      return guarded + text.slice(from);
    },
  };
}

function createTrie(): TrieNode {
  return { next: new Map() };
}

function insert(root: TrieNode, spelling: string, id: number): void {
  let node = root;
  for (let i = 0; i < spelling.length; i++) {
    const unit = spelling.charCodeAt(i);
    let child = node.next.get(unit);
    if (!child) node.next.set(unit, (child = createTrie()));
    node = child;
  }
  node.id ??= id;
}

function longestAt(root: TrieNode, text: string, at: number): { id: number; end: number } | undefined {
  let node: TrieNode | undefined = root;
  let found: { id: number; end: number } | undefined;
  for (let i = at; i < text.length; i++) {
    node = node.next.get(text.charCodeAt(i));
    if (!node) break;
    if (node.id !== undefined) found = { id: node.id, end: i + 1 };
  }
  return found;
}

/** Whether a spelling starts at `at` and either ends inside the text or could go on behind it. */
function touches(root: TrieNode, text: string, at: number): boolean {
  let node: TrieNode | undefined = root;
  for (let i = at; i < text.length; i++) {
    node = node.next.get(text.charCodeAt(i));
    if (!node) return false;
    if (node.id !== undefined) return true;
  }
  return true;
}

function splitAt(text: string, root: TrieNode): TextPart[] {
  const parts: TextPart[] = [];
  if (root.next.size === 0) return text === "" ? [] : [{ text }];
  let from = 0;
  for (let at = 0; at < text.length;) {
    const found = root.next.has(text.charCodeAt(at)) ? longestAt(root, text, at) : undefined;
    if (!found) {
      at += 1;
      continue;
    }
    if (at > from) parts.push({ text: text.slice(from, at) });
    parts.push(found);
    from = at = found.end;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}
