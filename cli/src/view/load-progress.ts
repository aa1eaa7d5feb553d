/** How far a model is loaded: one bar on a terminal, nothing elsewhere. On standard error: standard output is an answer. */
import { Presets, SingleBar } from "cli-progress";

const MIB = 2 ** 20;

/** Draws the loading of one model as it goes by. */
export function createLoadProgress(): (loadedBytes: number, totalBytes: number) => void {
  if (!process.stderr.isTTY) return () => {};
  const format = "loading the model {bar} {value}/{total} MiB";
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true, barsize: 24 },
    Presets.shades_classic,
  );
  let isDrawn = false;
  return (loadedBytes, totalBytes) => {
    if (!isDrawn) bar.start(Math.ceil(totalBytes / MIB), 0);
    isDrawn = true;
    bar.update(Math.floor(loadedBytes / MIB));
    if (loadedBytes >= totalBytes) bar.stop();
  };
}
