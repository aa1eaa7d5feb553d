// Examples are read before they are run: each fits on a page, and nothing generated lies beside it in the repository.

import { expect, test } from "bun:test";
import { readProject } from "./project-files.ts";

const MAX_LINES = 60;
const PROGRAM = /^examples\/.*\.(go|java|py|rs|sh|ts)$/;
const GENERATED = /_pb2(_grpc)?\.py$|\.pb\.go$|_pb\.(ts|js)$|Grpc\.java$/;

const examples = readProject().filter(({ path }) => PROGRAM.test(path));

test("an example has at most 60 lines", () => {
  expect(examples.length).toBeGreaterThan(8);
  const long = examples
    .map(({ path, lines }) => ({ path, count: lines.at(-1) === "" ? lines.length - 1 : lines.length }))
    .filter(({ count }) => count > MAX_LINES);
  expect(long).toEqual([]);
});

test("no generated code is kept with the examples", () => {
  expect(examples.filter(({ path }) => GENERATED.test(path)).map(({ path }) => path)).toEqual([]);
});
