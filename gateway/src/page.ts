/**
 * Serves the playground from the bundler's output, one HTML file at `/` and everything else, whose names carry a digest, under
 * `/page/`; and the documentation under `/docs/`. The policy allows nothing from elsewhere and no inline code. Files are read
 * once, and compressed once they are asked for: most processes with a gateway show nobody a page.
 */
import { gzipSync } from "bun";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { Hono } from "hono";
import { HttpProblem } from "./openai/problems.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

const SECURITY_HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

interface PageFile {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly type: string;
  zipped?: Uint8Array<ArrayBuffer>;
}

/** Routes of what was built in the two directories; without a build they say how to make one. */
export function createPage(built: { readonly page: string; readonly docs: string }): Hono {
  const [page, docs] = [readFiles(built.page), readFiles(built.docs)];
  const app = new Hono();
  app.get("/", ({ req }) => answer(page.get("index.html"), req.raw, "no-cache"));
  app.get("/page/:name", ({ req }) =>
    answer(page.get(req.param("name")), req.raw, "public, max-age=31536000, immutable"),
  );
  app.get("/docs", (context) => context.redirect("/docs/"));
  app.get("/docs/", ({ req }) => answer(docs.get("index.html"), req.raw, "no-cache"));
  app.get("/docs/:name", ({ req }) => answer(docs.get(req.param("name")), req.raw, "no-cache"));
  return app;
}

function readFiles(directory: string): ReadonlyMap<string, PageFile> {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return new Map(
    names.flatMap((name): [string, PageFile][] => {
      const type = TYPES[extname(name)];
      if (type === undefined) return [];
      return [[name, { plain: Uint8Array.from(readFileSync(join(directory, name))), type }]];
    }),
  );
}

function answer(file: PageFile | undefined, request: Request, cacheControl: string): Response {
  if (!file) throw new HttpProblem(404, "not_found", "there is no such file: `npm start` builds the page");
  const isZipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  if (isZipped) file.zipped ??= Uint8Array.from(gzipSync(file.plain, { level: 9 }));
  return new Response(isZipped ? file.zipped : file.plain, {
    headers: {
      ...SECURITY_HEADERS,
      "content-type": file.type,
      "cache-control": cacheControl,
      vary: "accept-encoding",
      ...(isZipped ? { "content-encoding": "gzip" } : {}),
    },
  });
}
