// How the pages' markdown becomes the site's: links from page to page by name and called by their titles, into the repository as plain text, since the site
// stands alone; aligned cells by class instead of by inline style, which the content policy forbids.

import { flowchart } from "./diagrams/flowchart.mjs";
import { sequence } from "./diagrams/sequence.mjs";

/** A markdown-it plugin; `titles` has those of all pages by name. */
export function siteLinks(markdown, titles) {
  markdown.core.ruler.push("site_links", ({ tokens }) => {
    for (const token of tokens) {
      if (token.type === "inline") rewrite(token.children, titles);
      const style = token.attrGet("style");
      if (style === null) continue;
      token.attrs = token.attrs.filter(([name]) => name !== "style");
      token.attrJoin("class", style.replace("text-align:", "align-"));
    }
  });
}

const DIAGRAMS = { "flowchart TB": flowchart, sequenceDiagram: sequence };

/** A markdown-it plugin: Mermaid's diagrams are drawn when the site is built. */
export function diagrams(markdown) {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info, content } = tokens[index];
    if (info.trim() !== "mermaid") return fence(tokens, index, ...rest);
    const [kind = "", ...lines] = content.split("\n").map((line) => line.trim());
    const draw = DIAGRAMS[kind];
    if (!draw) throw new Error(`a diagram of a kind that is not drawn: ${kind}`);
    return draw(lines.filter(Boolean));
  };
}

/** A markdown-it plugin: code and tables scroll inside themselves, and by keyboard. */
export function scrollable(markdown) {
  const { rules } = markdown.renderer;
  for (const name of ["fence", "code_block"]) {
    const plain = rules[name];
    rules[name] = (...given) => plain(...given).replace("<pre>", '<pre tabindex="0">');
  }
  rules.table_open = () => '<div class="scroll" tabindex="0" role="group" aria-label="Table">\n<table>\n';
  rules.table_close = () => "</table>\n</div>\n";
}

function rewrite(tokens, titles) {
  const open = [];
  for (const [index, token] of tokens.entries()) {
    // A link that is called by its file's name gets the title of the page.
    const file = token.type === "text" && tokens[index - 1]?.type === "link_open" ? token.content : "";
    token.content = titles.get(/^([\w-]+)\.md$/.exec(file)?.[1]) ?? token.content;
    if (token.type === "link_open") {
      const target = toSite(token.attrGet("href") ?? "");
      open.push(target);
      if (target === null)
        [token.tag, token.attrs] = [
          "span",
          [
            ["class", "source"],
            ["title", token.attrGet("href")],
          ],
        ];
      else token.attrSet("href", target);
    }
    if (token.type === "link_close" && open.pop() === null) token.tag = "span";
  }
}

/** The address on the site; null for what is not on it. */
export function toSite(href) {
  if (/^(https?:|#|mailto:)/.test(href)) return href;
  const page = /^([\w-]+)\.md(#.*)?$/.exec(href);
  if (page) return `${page[1] === "README" ? "index" : page[1]}.html${page[2] ?? ""}`;
  return null;
}
