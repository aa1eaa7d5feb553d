/**
 * What the page copies, run as it is: taken from the clipboard of a browser, in the folder its first line names, with the key of the
 * environment. Only the port of gRPC is put in, as that line says.
 */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { launchChromium } from "../../browser/support/browser.ts";
import { limitTokens, steer } from "../../browser/support/chat.ts";
import { served } from "../../interop/support/shared.ts";
import { once, pythonWithPackages, ROOT } from "../../interop/support/toolchains.ts";
import { runOrThrow } from "../../interop/support/run.ts";
import { BUILD_MS, environment, expectedText } from "../support/tour.ts";
import { builtGo, builtTypescript } from "../support/examples.ts";
import { toolchain } from "../support/toolchain.ts";

const GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4";
const KEY = "a key of this test";
const go = toolchain("Go", "go", "version");
const python = toolchain("Python", "python3", "--version");

/** Runs a program of the language; throws what it said if it fails. */
type Runner = (code: string) => Promise<string>;

const shell = async (code: string, path = ""): Promise<string> =>
  (await runOrThrow(["sh", "-c", code], { env: { PATH: `${path}:${process.env.PATH}`, ...keyed } })).out;
const keyed = { TRIMTAB_API_KEY: KEY };

/** In a folder beside the files of an example, which is gone afterwards. */
async function beside(
  example: string,
  links: readonly string[],
  work: (folder: string) => Promise<string>,
): Promise<string> {
  const folder = join(example, `copied-${process.pid}`);
  mkdirSync(folder);
  for (const name of links) symlinkSync(join(example, name), join(folder, name));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const RUNNERS: Readonly<Record<string, Runner | undefined>> = {
  curl: (code) => shell(code),
  grpcurl:
    go &&
    (async (code) => {
      const name = `grpcurl-${GRPCURL.split("@")[1]}`;
      const folder = await once(name, (target) =>
        runOrThrow([go.program, "install", GRPCURL], { env: { GOBIN: target } }),
      );
      return shell(code, folder);
    }),
  Python:
    python &&
    (async (code) => {
      const packages = await pythonWithPackages();
      const path = [packages?.env["PYTHONPATH"], join(ROOT, "examples", "python")].join(":");
      const env = { ...keyed, ...packages?.env, PYTHONPATH: path };
      return (await runOrThrow([python.program, "-c", code], { env })).out;
    }),
  TypeScript: async (code) => {
    const example = await builtTypescript();
    return beside(example, ["gen"], async (folder) => {
      writeFileSync(join(folder, "program.ts"), code);
      return (await runOrThrow([process.execPath, join(folder, "program.ts")], { env: keyed })).out;
    });
  },
  Go:
    go &&
    (async (code) => {
      const example = await builtGo(go);
      return beside(example, [], async (folder) => {
        writeFileSync(join(folder, "main.go"), code);
        return (await runOrThrow([go.program, "run", folder], { cwd: example, env: keyed })).out;
      });
    }),
};

/** Everything that stands in quotes after `text` or `content`, whatever the program's way to print it. */
function textIn(output: string): string {
  const quoted = [...output.matchAll(/\b(?:text|content)"?:\s*"((?:[^"\\]|\\.)*)"/g)];
  return quoted.length === 0 ? output.trimEnd() : quoted.map(([, text]) => JSON.parse(`"${text}"`)).join("");
}

async function copied(page: Page, language: string): Promise<string> {
  await page.getByLabel("This request as").first().selectOption(language);
  await page.getByRole("button", { name: "Copy code" }).first().click();
  await page.getByText(`${language} code copied`).waitFor();
  const code = (await page.evaluate("navigator.clipboard.readText()")) as string;
  return code.replaceAll("127.0.0.1:50051", environment.TRIMTAB_ADDRESS);
}

test(
  "what the page copies runs as it is in every language, and answers as the page's own request would",
  async () => {
    const expected = await expectedText();
    const browser = await launchChromium();
    const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
    await context.addInitScript(`sessionStorage.setItem("trimtab.key", ${JSON.stringify(KEY)})`);
    const page = await context.newPage();
    const open = async (view: string) => {
      await page.goto(`http://127.0.0.1:${served.httpPort}/#view=${view}`);
      await page.getByRole("link", { name: "Service" }).waitFor();
    };
    try {
      for (const [language, program] of Object.entries(RUNNERS)) {
        if (!program) continue;
        await open("chat");
        await steer(page, "0.02");
        await page.getByLabel("Show the unsteered answer beside it").uncheck();
        await limitTokens(page, 32);
        await page.getByLabel("Your question").fill("How was your day?");
        expect({ language, text: textIn(await program(await copied(page, language))) }).toEqual({
          language,
          text: expected,
        });
        await open("lab");
        await page.getByLabel("Name", { exact: true }).fill(`copied-${language.toLowerCase()}`);
        const answer = await program(await copied(page, language));
        expect({ language, answer }).toEqual({
          language,
          answer: expect.stringMatching(/sha256:[0-9a-f]{64}/),
        });
      }
    } finally {
      await browser.close();
    }
  },
  BUILD_MS,
);
