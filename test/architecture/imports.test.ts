// The import rules of the architecture: who may know whom. Each failure lists the offending file:line.

import { expect, test } from "bun:test";
import { builtinModules } from "node:module";
import { type Import, isCode, listImports, readPackage, readProject } from "./project-files.ts";

const KERNEL_USERS = new Set(["forward", "steering", "verifier"]);
/** Folders that ship in the package: what they import must be a dependency, not a development dependency. */
const SHIPPED = /^(cli|gateway|services|kernels\/src|proto\/gen)\//;
const RUNTIME = new Set([...builtinModules, "bun"]);

const imports = readProject({ withGenerated: true })
  .filter((file) => isCode(file.path))
  .flatMap(listImports);

/** Folders whose sub-folders are rooms of their own. */
const DIVIDED = new Set(["services", "test"]);

/** The room a path is in: `services/forward`, `gateway`, `kernels`, `proto`, `test/oracle`, … */
function roomOf(path: string): string {
  const [first = "", second] = path.split("/");
  return DIVIDED.has(first) ? `${first}/${second}` : first;
}

const listPlaces = (found: Import[]): string[] =>
  found.map(({ place, specifier }) => `${place} imports ${specifier}`);

/** Imports from rooms that `applies` to files of ours outside that room that `allows` refuses. */
function findOffences(
  applies: (room: string) => boolean,
  allows: (room: string, from: string) => boolean,
): string[] {
  return listPlaces(
    imports.filter(({ from, target }) => {
      if (target === undefined || !applies(roomOf(from)) || roomOf(target) === roomOf(from)) return false;
      return !allows(roomOf(target), roomOf(from));
    }),
  );
}

test("services never import each other, nor the gateway, nor the command line", () => {
  const isService = (room: string) => room.startsWith("services/") && room !== "services/kit";
  const mayUseKernels = (from: string) => KERNEL_USERS.has(from.slice("services/".length));
  const allows = (room: string, from: string) =>
    room === "proto" || room === "services/kit" || (room === "kernels" && mayUseKernels(from));
  expect(findOffences(isService, allows)).toEqual([]);
});

test("the kit imports only generated code", () => {
  expect(
    findOffences(
      (room) => room === "services/kit",
      (room) => room === "proto",
    ),
  ).toEqual([]);
});

test("the gateway imports only generated code and the kit", () => {
  const allows = (room: string) => room === "proto" || room === "services/kit";
  expect(findOffences((room) => room === "gateway", allows)).toEqual([]);
});

test("kernels and generated code import nothing else of ours", () => {
  expect(
    findOffences(
      (room) => room === "kernels" || room === "proto",
      () => false,
    ),
  ).toEqual([]);
});

test("nobody imports the command line, and only it and tests import a service's entry", () => {
  const isFree = (path: string) => /^(test|cli)\//.test(path);
  const offending = imports.filter(({ from, target }) => {
    if (target === undefined || isFree(from)) return false;
    const isForeignEntry = /^services\/\w+\/index\.ts$/.test(target) && roomOf(from) !== roomOf(target);
    return target.startsWith("cli/") || isForeignEntry;
  });
  expect(listPlaces(offending)).toEqual([]);
});

test("the command line knows services by their entry, the kit and the gateway only", () => {
  const isAllowed = (target: string) =>
    /^(cli\/|proto\/|services\/kit\/|gateway\/|scripts\/|package\.json$)/.test(target) ||
    /^services\/\w+\/index\.ts$/.test(target);
  const offending = imports.filter(
    ({ from, target }) => from.startsWith("cli/") && target !== undefined && !isAllowed(target),
  );
  expect(listPlaces(offending)).toEqual([]);
});

test("benchmarks and evaluations speak generated clients only, and to peers through their oracle", () => {
  const isMeasuring = (room: string) => room === "bench" || room === "eval";
  const allows = (room: string) => ["proto", "services/kit", "bench", "eval", "test/oracle"].includes(room);
  expect(findOffences(isMeasuring, allows)).toEqual([]);
});

test("page and client package are clients like any other: they import generated code only", () => {
  expect(
    findOffences(
      (room) => room === "page" || room === "client",
      (room) => room === "proto",
    ),
  ).toEqual([]);
});

test("scripts run before anything is installed: they import Node and each other only", () => {
  const offending = imports.filter(({ from, specifier, target }) => {
    if (!from.startsWith("scripts/")) return false;
    return target === undefined ? !specifier.startsWith("node:") : roomOf(target) !== "scripts";
  });
  expect(listPlaces(offending)).toEqual([]);
});

test("shipped code imports only packages that are dependencies", () => {
  const { dependencies } = readPackage();
  const packageOf = (specifier: string) =>
    specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
  const offending = imports.filter(({ from, specifier, target }) => {
    if (target !== undefined || !SHIPPED.test(from) || /^(node|bun):/.test(specifier)) return false;
    return !RUNTIME.has(specifier) && dependencies[packageOf(specifier)] === undefined;
  });
  expect(listPlaces(offending)).toEqual([]);
});

test("relative imports of files name the extension", () => {
  const offending = imports.filter(
    ({ from, specifier }) =>
      specifier.startsWith(".") && !from.startsWith("kernels/assembly/") && !/\.\w+$/.test(specifier),
  );
  expect(listPlaces(offending)).toEqual([]);
});
