// How files look: length, names, leftovers, and nothing that ties the repository to one machine. Failures list file:line.

import { expect, test } from "bun:test";
import { isCode, type ProjectFile, readProject } from "./project-files.ts";

const MAX_LINES = 300;
const MAX_KERNEL_LINES = 200;
const MAX_TEST_LINES = 150;
/** Bodies of text that are data, whatever their extension. */
const DATA = /(^|\/)(data|fixtures|recipes)\//;
const LOCK = "package-lock.json";
const CODE_NAME =
  /^(?:\.ci\/run|(?:[a-z0-9.-]+\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|d|worker))?\.[a-z]+)$/;

const files = readProject();
const code = files.filter((file) => isCode(file.path));

// Written in pieces: this file is read too.
const LEFTOVER = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);
const SWITCHED_OFF = new RegExp(`\\b(test|it|describe)\\.(on` + `ly|sk` + `ip|to` + `do)\\b`);
const MACHINE_PATH = new RegExp(`(^|[\\s"'\`(=:,])/(ro${"ot"}|ho${"me"}|wo${"rk"}|Us${"ers"})/[\\w.-]+`);
const REGISTRIES = [
  ["registry", "npmjs", "org"],
  ["registry", "yarnpkg", "com"],
  ["npmjs", "com"],
  ["pypi", "org"],
  ["files", "pythonhosted", "org"],
  ["crates", "io"],
  ["proxy", "golang", "org"],
  ["sum", "golang", "org"],
  ["repo", "maven", "apache", "org"],
  ["repo1", "maven", "org"],
  ["deb", "debian", "org"],
].map((parts) => parts.join("."));

function findLines(among: readonly ProjectFile[], isOffending: (line: string) => boolean): string[] {
  return among.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      isOffending(line) ? [`${path}:${index + 1} ${line.trim().slice(0, 100)}`] : [],
    ),
  );
}

function limitOf(path: string): number {
  if (path.startsWith("kernels/assembly/")) return MAX_KERNEL_LINES;
  return path.endsWith(".test.ts") ? MAX_TEST_LINES : MAX_LINES;
}

test("no file is longer than a person reads in one sitting", () => {
  const measured = code.filter(({ path }) => !DATA.test(path) || path.endsWith(".test.ts"));
  const long = measured.flatMap(({ path, lines }) => {
    const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    return count > limitOf(path) ? [`${path}:${count} is longer than ${limitOf(path)} lines`] : [];
  });
  expect(long).toEqual([]);
});

test("code files are named in kebab case", () => {
  expect(code.map(({ path }) => path).filter((path) => !CODE_NAME.test(path))).toEqual([]);
});

test("every code file starts with a comment that says what it is", () => {
  const isComment = (line = "") => /^(\/\/|\/\*|#!)/.test(line);
  expect(code.filter(({ lines }) => !isComment(lines[0])).map(({ path }) => `${path}:1`)).toEqual([]);
});

test("nothing is left for later in the text", () => {
  const written = files.filter(
    ({ path }) => path !== LOCK && path !== "LICENSE" && !/\.(jsonl|txt)$/.test(path),
  );
  expect(findLines(written, (line) => LEFTOVER.test(line))).toEqual([]);
});

test("no test is switched off or run alone", () => {
  const tests = code.filter(({ path }) => path.startsWith("test/"));
  expect(findLines(tests, (line) => SWITCHED_OFF.test(line))).toEqual([]);
});

test("no path of one machine is written down", () => {
  expect(findLines(files, (line) => MACHINE_PATH.test(line))).toEqual([]);
});

test("no package registry is named", () => {
  // A lockfile of Cargo calls its registry after the repository of the index, whose name goes on after the host's.
  const hosts = new RegExp(`(${REGISTRIES.map((host) => host.replaceAll(".", "\\.")).join("|")})(?![\\w-])`);
  expect(findLines(files, (line) => hosts.test(line))).toEqual([]);
});

test("modules export names, not defaults", () => {
  const own = code.filter(({ path }) => !/\.d\.ts$/.test(path));
  expect(findLines(own, (line) => /^export default\b/.test(line))).toEqual([]);
});
