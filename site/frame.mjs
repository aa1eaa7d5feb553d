// The frame of every page of the site: a list of pages, a search field, the text. Nothing inline: the policy forbids it.

/** Groups of the list, in order: what one reads first, then what one looks up. */
const GROUPS = [
  ["Begin", ["index", "first-steps", "coming-from", "glossary", "comparison"]],
  ["Steer", ["steering", "recipes", "steering-methods", "steering-lab", "steering-results"]],
  ["Search and verify", ["scaling", "scaling-results", "verifier", "evaluation"]],
  ["Use", ["page", "clients", "cli", "gateway", "errors"]],
  ["Operate", ["processes", "reliability", "security", "performance", "hub", "onnx", "releasing"]],
  [
    "Extend",
    [
      "extending",
      "extending-method",
      "extending-family",
      "families",
      "kernels",
      "forward",
      "tokenizer",
      "kit",
    ],
  ],
  ["API", ["api-gateway", "api-steering", "api-forward", "api-tokenizer", "api-verifier", "api-type"]],
];

/** A whole page around its text; `pages` has the titles of all by name, `own` is the name of this one. */
export function framed(content, own, pages) {
  const title = pages.get(own) ?? "Trimtab";
  const grouped = new Set(GROUPS.flatMap(([, names]) => names));
  const rest = [...pages.keys()].filter((name) => !grouped.has(name)).sort();
  const groups = [...GROUPS, ...(rest.length > 0 ? [["More", rest]] : [])];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} · Trimtab</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="base.css">
<link rel="stylesheet" href="style.css">
<script type="module" src="search.js"></script>
</head>
<body>
<a class="skip" href="#text">To the text</a>
<header class="bar"><a class="brand" href="index.html">Trimtab</a>
<nav aria-label="Trimtab"><a href="/">Playground</a><a href="index.html" aria-current="true">Docs</a><a class="to-pages" href="#pages">All pages</a></nav>
<search><label for="query">Search</label> <input id="query" type="search" autocomplete="off" placeholder="press /"></search></header>
<ol id="found" aria-live="polite" hidden></ol>
<div class="columns">
<nav id="pages" class="pages" aria-label="Pages">${groups.map((group) => groupOf(group, pages, own)).join("")}</nav>
<main id="text" tabindex="-1">${content}${turns(groups, pages, own)}</main>
</div>
</body>
</html>
`;
}

function groupOf([heading, names], pages, own) {
  const items = names
    .filter((name) => pages.has(name))
    .map((name) => {
      const current = name === own ? ' aria-current="page"' : "";
      return `<li><a href="${name}.html"${current}>${escape(pages.get(name))}</a></li>`;
    });
  return items.length === 0 ? "" : `<h2>${heading}</h2><ul>${items.join("")}</ul>`;
}

/** Links to the pages before and after this one. */
function turns(groups, pages, own) {
  const names = groups.flatMap(([, all]) => all).filter((name) => pages.has(name));
  const at = names.indexOf(own);
  const link = (name, kind) =>
    name === undefined ? "" : `<a class="${kind}" href="${name}.html">${escape(pages.get(name))}</a>`;
  return `<nav class="turns" aria-label="Before and after">${link(names[at - 1], "before")}${link(names[at + 1], "after")}</nav>`;
}

const escape = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
