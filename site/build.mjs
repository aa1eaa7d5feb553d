// Builds the documentation with Eleventy: docs/*.md and the API reference in, HTML out into the folder named by the argument.
// Works offline; what comes out is plain HTML with one style sheet, one script and one search index, all of them the server's own.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Eleventy } from "@11ty/eleventy";
import anchor from "markdown-it-anchor";
import MiniSearch from "minisearch";
import { apiPages } from "./api.mjs";
import { framed } from "./frame.mjs";
import { diagrams, scrollable, siteLinks } from "./markdown.mjs";
import { SEARCH } from "./search-options.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const INPUT = "docs";

const api = apiPages(ROOT);
/** Titles of all pages by name. */
const pages = new Map([
  ...readdirSync(join(ROOT, INPUT))
    .filter((file) => file.endsWith(".md"))
    .map((file) => [nameOf(file), titleOf(readFileSync(join(ROOT, INPUT, file), "utf8"))]),
  ...api.map(({ name, title }) => [name, title]),
]);

function configure(eleventy) {
  eleventy.setQuietMode(true);
  eleventy.setUseGitIgnore(false);
  eleventy.addGlobalData(
    "permalink",
    () =>
      ({ page }) =>
        `${nameOf(page.inputPath)}.html`,
  );
  eleventy.amendLibrary("md", (markdown) =>
    markdown.use(siteLinks, pages).use(scrollable).use(diagrams).use(anchor, { slugify }),
  );
  for (const { name, markdown } of api) eleventy.addTemplate(`${name}.md`, markdown);
  eleventy.addTransform("frame", function (content) {
    return framed(content, nameOf(this.page.inputPath), pages);
  });
  eleventy.addPassthroughCopy({
    "docs/*.svg": ".",
    "site/style.css": "style.css",
    "page/base.css": "base.css",
    "page/icon.svg": "icon.svg",
  });
  eleventy.on("eleventy.after", ({ results, directories }) => writeIndex(results, directories.output));
  // Braces in the pages are braces.
  return { markdownTemplateEngine: false, templateFormats: ["md"] };
}

/** The README is the first page. */
function nameOf(path) {
  const name = basename(path, ".md");
  return name === "README" ? "index" : name;
}

function titleOf(text) {
  return /^# (.+)$/m.exec(text)?.[1] ?? "Trimtab";
}

/** Anchors as repository hosts make them, so that links work in both places. */
function slugify(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}

/** One entry a section, so that a result leads to the place. */
function writeIndex(results, output) {
  const index = new MiniSearch(SEARCH);
  for (const { content, url } of results) {
    const page = url.replace(/^\//, "");
    const title = decode(/<title>(.*?) · Trimtab<\/title>/.exec(content)?.[1] ?? "");
    const main = /<main[^>]*>([\s\S]*)<\/main>/.exec(content)?.[1] ?? "";
    for (const part of main.split(/(?=<h[123] id=)/)) {
      const [, id = "", heading = ""] = /^<h[123] id="([^"]*)"[^>]*>([\s\S]*?)<\/h/.exec(part) ?? [];
      const text = plain(part);
      if (text !== "") index.add({ id: `${page}#${id}`, page: title, heading: plain(heading), text });
    }
  }
  writeFileSync(join(output, "search.json"), JSON.stringify(index));
}

const plain = (html) =>
  decode(html.replaceAll(/<[^>]*>/g, " "))
    .replaceAll(/\s+/g, " ")
    .trim();

function decode(text) {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

const [output = join("build", "docs")] = process.argv.slice(2);
await new Eleventy(INPUT, output, { config: configure, configPath: false, source: "script" }).write();
