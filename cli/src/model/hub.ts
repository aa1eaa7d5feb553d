/**
 * Downloads one file from a model hub: HEAD for size and ETag, then ranges, so that a broken download resumes.
 * The protocol is the hub's resolve endpoint; `HF_ENDPOINT` names another server that speaks it.
 */
import { open, rename, rm, stat } from "node:fs/promises";
import { TrimtabError } from "#kit/errors.ts";
import { sha256OfPath } from "#kit/files.ts";

/** What to download and where to. */
export interface HubDownload {
  readonly endpoint: string;
  readonly repository: string;
  readonly file: string;
  readonly target: string;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

interface RemoteFile {
  readonly url: string;
  readonly sizeBytes: number;
  /** Identity of the content; a SHA-256 for large files. */
  readonly etag: string;
}

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Downloads to `<target>.<etag>.part`, continues a part of the same content, checks size and (where the hub states it)
 * SHA-256, and renames.
 * @throws TrimtabError MODEL_NOT_FOUND, SERVICE_UNAVAILABLE (try again: it resumes), ARTIFACT_CORRUPT.
 */
export async function downloadFromHub(request: HubDownload): Promise<void> {
  const remote = await look(request);
  const partial = `${request.target}.${remote.etag.slice(0, 32).replace(/[^0-9A-Za-z]/g, "")}.part`;
  let done = await sizeOf(partial);
  if (done > remote.sizeBytes) {
    await rm(partial);
    done = 0;
  }
  if (done < remote.sizeBytes) await fetchRange(remote, partial, done, request.onProgress);
  await check(remote, partial);
  await rename(partial, request.target);
}

async function look(request: HubDownload): Promise<RemoteFile> {
  const path = request.file.split("/").map(encodeURIComponent).join("/");
  const url = `${request.endpoint.replace(/\/$/, "")}/${request.repository}/resolve/main/${path}`;
  const response = await reach(url, { method: "HEAD" });
  if (response.status === 404)
    throw new TrimtabError("MODEL_NOT_FOUND", `the hub has no ${request.repository}/${request.file}`);
  if (!response.ok) throw new TrimtabError("SERVICE_UNAVAILABLE", `the hub answered ${response.status}`);
  const linked = response.headers.get("x-linked-size") ?? response.headers.get("content-length");
  const etag = (response.headers.get("x-linked-etag") ?? response.headers.get("etag") ?? "").replace(
    /^W\/|"/g,
    "",
  );
  const sizeBytes = Number(linked);
  if (!(Number.isSafeInteger(sizeBytes) && sizeBytes > 0) || etag === "")
    throw new TrimtabError("SERVICE_UNAVAILABLE", "the hub did not state the size and identity of the file");
  return { url, sizeBytes, etag };
}

async function fetchRange(
  remote: RemoteFile,
  partial: string,
  from: number,
  onProgress: HubDownload["onProgress"],
): Promise<void> {
  const headers: Record<string, string> =
    from > 0 ? { range: `bytes=${from}-`, "if-range": `"${remote.etag}"` } : {};
  const response = await reach(remote.url, { headers });
  if (!response.ok || !response.body)
    throw new TrimtabError("SERVICE_UNAVAILABLE", `the hub answered ${response.status}`);
  const resumed = from > 0 && response.status === 206;
  const file = await open(partial, resumed ? "a" : "w");
  let done = resumed ? from : 0;
  try {
    for await (const chunk of response.body) {
      await file.writeFile(chunk);
      done += chunk.length;
      onProgress(done, remote.sizeBytes);
    }
    await file.sync();
  } catch (error) {
    throw new TrimtabError(
      "SERVICE_UNAVAILABLE",
      `the download broke after ${done} bytes; run it again to resume`,
      {
        cause: error,
      },
    );
  } finally {
    await file.close();
  }
}

async function check(remote: RemoteFile, partial: string): Promise<void> {
  const size = await sizeOf(partial);
  if (size < remote.sizeBytes)
    throw new TrimtabError(
      "SERVICE_UNAVAILABLE",
      `got ${size} of ${remote.sizeBytes} bytes; run it again to resume`,
    );
  const digest = SHA256.test(remote.etag) ? sha256OfPath(partial, { label: "model file" }) : remote.etag;
  if (size === remote.sizeBytes && digest === remote.etag) return;
  await rm(partial);
  throw new TrimtabError(
    "ARTIFACT_CORRUPT",
    "the downloaded file is not the one the hub described; it was removed",
  );
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new TrimtabError("SERVICE_UNAVAILABLE", "the hub cannot be reached", { cause: error });
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
