/** Single keys of a terminal, as they are pressed; standard input is given back afterwards. */

/** Names of the keys that are more than a character. */
const NAMED: Readonly<Record<string, string>> = {
  "\u001b": "escape",
  "\u001b[A": "up",
  "\u001b[B": "down",
  "\u0003": "interrupt",
};

/** Calls `onKey` with a character, or "escape", "up", "down", "interrupt". @returns what ends it */
export function listenToKeys(onKey: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const take = (data: Buffer): void => {
    const text = data.toString("utf8");
    const named = NAMED[text];
    if (named !== undefined) onKey(named);
    else for (const character of text) onKey(NAMED[character] ?? character);
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
