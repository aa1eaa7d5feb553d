/** Code out of an answer. Linear in the text. */

const FENCE = /```[^\n`]*\n([\s\S]*?)(?:```|$)/g;
/** It runs as a script, which exports nothing. */
const EXPORT = /^export (?:default )?(?=(?:async )?(?:function|const|let|var|class)\b)/gm;

/** The fenced blocks of an answer one after the other, else all of it; what modules export is declared alone. */
export function extractCode(text: string): string {
  const blocks = [...text.matchAll(FENCE)].map(([, code = ""]) => code);
  return (blocks.length > 0 ? blocks.join("\n") : text).trim().replace(EXPORT, "");
}
