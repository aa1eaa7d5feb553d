/** Memory of 64 live particles that share 512 tokens and have 256 of their own, all of them held at once. */
import { open, release } from "../ours/commands.ts";
import { startForward } from "../ours/forward.ts";
import { type BenchRow, rowAlone } from "../rows.ts";
import { keyOf, type SearchBench } from "./bench.ts";

const PARTICLES = 64;
const SHARED_TOKENS = 512;
const OWN_TOKENS = 256;
const MEMORY_MIB = 1_024;
const MIB = 2 ** 20;

/** One row: MiB of keys and values. @throws Error when 1 GiB does not hold them. */
export async function measureParticles(bench: SearchBench): Promise<BenchRow> {
  const forward = await startForward(bench.modelPath, bench.threads, ["--kv-memory", String(MEMORY_MIB)]);
  try {
    const { session, newId, newPrompt, memory } = forward;
    const root = newId();
    const shared = newPrompt(SHARED_TOKENS);
    await session.run([open(root, shared)], ({ event }) => event.case === "opened" || undefined);
    const before = await memory();
    // They find the shared pages by what is in them, as forks do by name.
    const ids = Array.from({ length: PARTICLES }, newId);
    let opened = 0;
    const grown = ids.map((id) => open(id, [...shared, ...newPrompt(OWN_TOKENS)]));
    await session.run(grown, ({ event }) => {
      if (event.case === "opened") opened++;
      return opened === PARTICLES || undefined;
    });
    const after = await memory();
    const pages = after.pages - after.freePages;
    await session.run([release([root, ...ids])], ({ event }) => event.case === "done" || undefined);
    const what = `${PARTICLES} x (${SHARED_TOKENS} shared + ${OWN_TOKENS} own) tokens; ${before.pages - before.freePages} pages before`;
    const mib = (pages * Number(after.pageBytes)) / MIB;
    return rowAlone(keyOf(bench, "search-particles", "none"), "MiB of keys and values", [mib], what);
  } finally {
    await forward.close();
  }
}
