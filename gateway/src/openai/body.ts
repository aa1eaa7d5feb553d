/**
 * JSON bodies, strictly: one media type, no encoding, a size limit that holds whatever Content-Length says, valid UTF-8
 * without a byte order mark, bounded nesting, no duplicate keys, no half surrogate pairs. Cost: one scan before parsing.
 */
import { scanJson } from "#kit/json-scan.ts";
import { LIMITS } from "../limits.ts";
import { HttpProblem } from "./problems.ts";

const BYTE_ORDER_MARK = "\ufeff";

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

/** Reads the body of a request as a JSON object. Throws {@link HttpProblem} with 400, 408, 413 or 415. */
export async function readJsonObject(
  request: Request,
  timeoutMs: number = LIMITS.bodyMs,
): Promise<JsonObject> {
  checkHeaders(request.headers);
  const text = decode(await readBytes(request, timeoutMs));
  const fault = scanJson(text, LIMITS.jsonDepth, LIMITS.jsonKeys);
  if (fault !== undefined) throw new HttpProblem(400, "invalid_json", `the body ${fault}`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpProblem(400, "invalid_json", "the body must be a JSON object");
  }
  checkUnicode(value, "");
  return value as JsonObject;
}

function checkHeaders(headers: Headers): void {
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new HttpProblem(415, "unsupported_media_type", "the content type must be application/json");
  }
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity") {
    throw new HttpProblem(415, "unsupported_encoding", "encoded bodies are not accepted");
  }
  if (Number(headers.get("content-length") ?? 0) > LIMITS.bodyBytes) throw tooLarge();
}

async function readBytes(request: Request, timeoutMs: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  if (!request.body) return new Uint8Array(0);
  const reader = request.body.getReader();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const limit = `${timeoutMs} ms`;
    reject(new HttpProblem(408, "request_timeout", "the body did not arrive in time", { limit }));
  }, timeoutMs);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return Buffer.concat(parts);
      size += value.byteLength;
      if (size > LIMITS.bodyBytes) throw tooLarge();
      parts.push(value);
    }
  } finally {
    clearTimeout(timer);
    void reader.cancel().catch(() => undefined);
  }
}

function decode(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new HttpProblem(400, "invalid_utf8", "the body is not valid UTF-8");
  }
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw new HttpProblem(400, "invalid_utf8", "the body starts with a byte order mark");
  }
  return text;
}

/** Nesting is bounded by now, so recursion is. */
function checkUnicode(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.isWellFormed()) return;
    throw new HttpProblem(400, "invalid_unicode", "a text holds half of a surrogate pair", { field: path });
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed())
      throw new HttpProblem(400, "invalid_unicode", "a key holds half of a surrogate pair");
    checkUnicode(item, fieldPath(path, Array.isArray(value) ? Number(key) : key));
  }
}

/** `messages[0].content` from its parts. */
export function fieldPath(base: string, part: PropertyKey): string {
  if (typeof part === "number") return `${base}[${part}]`;
  return base === "" ? String(part) : `${base}.${String(part)}`;
}

function tooLarge(): HttpProblem {
  return new HttpProblem(413, "request_too_large", `the body exceeds ${LIMITS.bodyBytes} bytes`, {
    limit: `${LIMITS.bodyBytes} bytes`,
  });
}
