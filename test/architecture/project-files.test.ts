// The gates see only what the import scanner sees: each form of import is found, with its line and its target.

import { expect, test } from "bun:test";
import { listImports } from "./project-files.ts";

const from = "services/verifier/src/example.ts";
const scan = (...lines: string[]) =>
  listImports({ path: from, lines }).map(({ place, target }) => [place, target]);

test("every form of import is found at its line", () => {
  const forms = [
    'import { a } from "../../forward/index.ts";',
    'import type { A } from "../../forward/index.ts";',
    'export * from "../../forward/index.ts";',
    'import "../../forward/index.ts";',
    'const a = await import("../../forward/index.ts");',
    'const a = require("../../forward/index.ts");',
    'new Worker(new URL("../../forward/index.ts", import.meta.url));',
    'const path = import.meta.resolve("../../forward/index.ts");',
    '} from "../../forward/index.ts";',
  ];
  for (const form of forms) expect(scan("", form)).toEqual([[`${from}:2`, "services/forward/index.ts"]]);
});

test("aliases lead to the files they stand for", () => {
  expect(scan('import { TrimtabError } from "#kit/errors.ts";')).toEqual([
    [`${from}:1`, "services/kit/src/errors.ts"],
  ]);
  expect(scan('import { createArena } from "#kernels";')).toEqual([[`${from}:1`, "kernels/src/index.ts"]]);
  expect(scan('import { A } from "#proto/trimtab/type/v1/a_pb.ts";')).toEqual([
    [`${from}:1`, "proto/gen/trimtab/type/v1/a_pb.ts"],
  ]);
});

test("packages have no target, and comments import nothing", () => {
  expect(scan('import { Hono } from "hono";')).toEqual([[`${from}:1`, undefined]]);
  expect(scan('// import { a } from "../../forward/index.ts";')).toEqual([]);
});
