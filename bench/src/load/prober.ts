/**
 * A program that asks for what cannot be had, and says how long it took to be told so: requests to be answered within a millisecond,
 * which a gateway under load refuses at once. A process of its own, which carries no answers, so that what it sees is not how
 * busy the other clients are. Told the target, a rate and seconds; answers with milliseconds as one line of JSON.
 */
import { setPriority } from "node:os";
import { askForShortTurns } from "#kit/turns.ts";
import type { Target } from "./one-request.ts";

/** What the program is told, as JSON. */
export interface ProbeOrder {
  readonly target: Target;
  readonly perSecond: number;
  readonly seconds: number;
}

const { target, perSecond, seconds } = JSON.parse(process.argv[2] ?? "{}") as ProbeOrder;
const MS_PER_SECOND = 1_000;
const REFUSED = 503;
/** Niceness of this process, where the system lets it: what it waits for a processor itself is not the server's. */
const PRIORITY = -10;
try {
  setPriority(PRIORITY);
} catch {
  // Without the right to, its own waiting is in the numbers.
}

askForShortTurns();
const times: number[] = [];
const beganMs = performance.now();
for (let number = 0; performance.now() - beganMs < seconds * MS_PER_SECOND; number++) {
  const sentMs = performance.now();
  const response = await fetch(`${target.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-stainless-timeout": "0.001" },
    body: JSON.stringify({
      messages: [
        { role: "user", content: `${number}. Explain to a class of twelve year olds why people care.` },
      ],
      ...{ model: target.model, max_tokens: 16, stream: true },
    }),
  });
  await response.text();
  if (response.status === REFUSED) times.push(performance.now() - sentMs);
  await Bun.sleep(Math.max(0, MS_PER_SECOND / perSecond - (performance.now() - sentMs)));
}
process.stdout.write(`${JSON.stringify(times)}\n`);
