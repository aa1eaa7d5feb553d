/**
 * How long a client says it waits for its answer: `Prefer: wait=SECONDS` (RFC 7240), the timeout that OpenAI's SDKs send along, or
 * theirs by default, ten minutes, which the one in JavaScript does not send (seen in openai 7.57.0, and 2.x of Python).
 * Not a deadline: who waits on is answered later, too. What cannot be read counts as nothing said, as RFC 7240 has it.
 */

const PREFERRED = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i;
const SDK_HEADERS = ["x-stainless-read-timeout", "x-stainless-timeout"];
const SDK = "x-stainless-lang";
const SDK_SECONDS = "600";
const SECONDS = /^\d{1,9}(?:\.\d{1,9})?$/;
const MS_PER_SECOND = 1_000;

/** Milliseconds; undefined if it says nothing. The preference counts more than an SDK's habit. */
export function waitsMsOf(headers: Headers): number | undefined {
  const preferred = PREFERRED.exec(headers.get("prefer") ?? "")?.[1];
  const habit = headers.has(SDK) ? SDK_SECONDS : undefined;
  const told = [preferred, ...SDK_HEADERS.map((name) => headers.get(name)), habit];
  const seconds = told.find((text) => typeof text === "string" && SECONDS.test(text));
  return seconds === undefined || Number(seconds) === 0 ? undefined : Number(seconds) * MS_PER_SECOND;
}
