/** Single keys of a terminal, as they are pressed; standard input is given back afterwards. */

/** What a terminal sends for one key: a character, or a sequence that begins with Escape. */
const KEY = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])|[^]/gu;

/** Names of the keys that are more than a character. */
const NAMED: Readonly<Record<string, string>> = {
  "\u001b": "escape",
  "\u001b[A": "up",
  "\u001b[B": "down",
  "\u001bOA": "up",
  "\u001bOB": "down",
  "\u0003": "interrupt",
};

/** Calls `onKey` with a character, or "escape", "up", "down", "interrupt". @returns what ends it */
export function listenToKeys(onKey: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const take = (data: Buffer): void => {
    for (const [key] of data.toString("utf8").matchAll(KEY)) {
      const named = NAMED[key];
      // A key that nobody here knows is no Escape, although what is sent for it begins with one.
      if (named !== undefined || !key.startsWith("\u001b")) onKey(named ?? key);
    }
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", take);
  return () => {
    stdin.off("data", take);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
