// Builds the documentation site (docs/, the comments of proto/, site/) into build/docs: Eleventy makes the pages and the search
// index, Bun bundles the search field.

import { relative } from "node:path";
import { ensureFolder } from "./built-folder.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";

/**
 * Builds build/docs.
 * @throws SetupFailure SITE_FAILED when a page cannot be made.
 */
export async function ensureSite(bun) {
  await ensureFolder({
    name: "docs",
    sources: [
      "docs",
      "site",
      "page/base.css",
      "page/icon.svg",
      "proto/trimtab",
      "package-lock.json",
      "scripts/lib/site.mjs",
    ],
    doing: "making the documentation",
    done: "documentation made",
    reason: "SITE_FAILED",
    async make(fresh) {
      const output = relative(inProject(), fresh);
      const build = [inProject("site", "build.mjs"), output];
      const pages = await capture(process.execPath, build, { cwd: inProject() });
      if (pages.code !== 0) return pages;
      const script = ["build", inProject("site", "search-field.mjs"), "--outdir", fresh, "--minify"];
      return capture(bun, [...script, "--entry-naming", "search.js"], { cwd: inProject() });
    },
  });
}
