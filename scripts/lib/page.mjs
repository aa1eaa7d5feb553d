// Bundles the playground (page/) into build/page with Bun's own bundler.

import { ensureFolder } from "./built-folder.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";

/** Where the gateway serves what the bundler makes. */
const PUBLIC_PATH = "/page/";

/**
 * Builds build/page.
 * @throws SetupFailure PAGE_FAILED when the bundler reports errors.
 */
export async function ensurePage(bun) {
  await ensureFolder({
    name: "page",
    sources: ["page", "proto/gen", "package-lock.json", "scripts/lib/page.mjs"],
    doing: "bundling the page",
    done: "page bundled",
    reason: "PAGE_FAILED",
    make(fresh) {
      const flags = ["--outdir", fresh, "--minify", "--public-path", PUBLIC_PATH];
      return capture(bun, ["build", inProject("page", "index.html"), ...flags], { cwd: inProject() });
    },
  });
}
