/** Code out of an answer. Linear in the text. */

const FENCE = /```[^\n`]*\n([\s\S]*?)(?:```|$)/g;

/** The fenced blocks of an answer one after the other, else all of it. */
export function extractCode(text: string): string {
  const blocks = [...text.matchAll(FENCE)].map(([, code = ""]) => code);
  return (blocks.length > 0 ? blocks.join("\n") : text).trim();
}
