/** Opening the texts of one call that keeps no sequence. */
import { underField } from "#kit/errors.ts";
import type { Engine } from "../engine/client.ts";
import type { ForestOpen } from "../engine/forest.ts";
import { openForest } from "../engine/forest.ts";
import type { Opened } from "../engine/protocol.ts";

/** Opens all texts, the `items` of the call from `firstItem` on; when the caller leaves or one of them fails, the others are released. */
export function openAll(
  engine: Engine,
  texts: readonly ForestOpen[],
  signal: AbortSignal,
  firstItem = 0,
): Promise<Opened>[] {
  const answers = openForest(engine, texts).map((answer, index) =>
    underField(/^ids/, `items[${firstItem + index}].ids`, () => answer),
  );
  const sequences = texts.map(({ command }) => command.sequence);
  const release = () => void engine.call({ type: "release", sequences }).catch(() => undefined);
  signal.addEventListener("abort", release);
  // Who left while an earlier text was computed is told of no abort any more.
  if (signal.aborted) release();
  Promise.all(answers).then(() => signal.removeEventListener("abort", release), release);
  return answers;
}
