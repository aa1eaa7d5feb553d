/** Directories of the hub on the command line: listed and verified, with the digest that anybody can compute. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/cli.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../support/family-models.ts";
import { hubFilesOf, writeHubDirectory } from "../support/hub-directory.ts";

setDefaultTimeout(120_000);
const cache = mkdtempSync(join(tmpdir(), "trimtab-cli-directory-"));
const model: FamilyModel = familyModels.qwen2;
const directory = writeHubDirectory("cli", hubFilesOf(model, familyModelBytes(model)), 2);
afterAll(() => [cache, directory].forEach((path) => rmSync(path, { recursive: true })));

test("a directory is verified by the digest of its files' digests, and listed in the cache", async () => {
  const names = "config.json model-*.safetensors model.safetensors.index.json";
  const summed = Bun.spawnSync(["sh", "-c", `LC_ALL=C; sha256sum ${names} | sha256sum`], { cwd: directory });
  const digest = summed.stdout.toString().slice(0, 64);
  const { code, stdout } = await runCommand(["model", "verify", directory, "--sha256", digest], {});
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${directory.split("/").at(-1)}: safetensors, qwen2, 38 tensors\nsha256 ${digest}\n`,
  });
  mkdirSync(join(cache, "models"));
  cpSync(directory, join(cache, "models", "tiny"), { recursive: true });
  const listed = await runCommand(["model", "list"], { TRIMTAB_CACHE: cache });
  expect(listed.stdout).toMatch(/^tiny +0\.\d MB\n$/);
  const other = await runCommand(["model", "verify", "tiny", "--sha256", "0"], { TRIMTAB_CACHE: cache });
  expect(other.code).not.toBe(0);
  expect(other.stdout).toContain(digest);
});
