/** A process that makes keys and takes every other one back, as fast as it can, and prints what it was told is left. */
import { createKey, deleteKey, keyDigest } from "#kit/api-keys.ts";

const [path = "", own = "", rounds = "0"] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round++) {
  const name = `${own}-${round}`;
  const key = createKey(path, { name, operator: false, priority: "normal" });
  if (round % 2 === 0) deleteKey(path, name);
  else console.log(keyDigest(key));
}
