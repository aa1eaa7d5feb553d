/**
 * llama.cpp called through its C library (the oracle's), twice: with our file and its own defaults, and with the format it
 * is fastest in (Q4_0, repacked at run time; made from our file by the same library) at the settings that are fastest here.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheDir } from "#kit/paths.ts";
import { startPython, type PythonProgram } from "../../../test/oracle/python.ts";
import { llamaLibraries } from "../../../test/oracle/setup.ts";
import { type Cell, type Contender, type FileKind } from "../contender.ts";

/** The release of the library; the npm package that carries it is pinned by the oracle. */
const NAME = "llama.cpp 0.5.0";

interface Ready {
  /** Instruction set of the backend it chose. */
  readonly backend: string;
}

/** What llama.cpp lets one choose: storage of keys and values, and attention in one pass (-1: its own choice). */
interface Settings {
  readonly kv: "f16" | "q8_0";
  readonly flash: -1 | 0 | 1;
}

const DEFAULTS: Settings = { kv: "f16", flash: -1 };
const CHOICES: readonly Settings[] = [
  { kv: "f16", flash: 1 },
  { kv: "f16", flash: 0 },
  { kv: "q8_0", flash: 1 },
];
/** From this context on q8_0 was slower than f16 in every run, here and elsewhere; filling it again takes many seconds. */
const DEEP_CONTEXT = 2048;

/** How the fastest settings are found: each tried twice for each cell, or those once that full runs have ever found fastest for such a cell. */
export type Search = "full" | "quick";
const TRIES: Readonly<Record<Search, number>> = { full: 2, quick: 1 };

/** llama.cpp's names for its code that needs these vector instructions and nothing wider. */
export const BACKENDS = { avx2: "haswell", avx512: "icelake" } as const;

/** Vector instructions to limit llama.cpp to. */
export type Isa = keyof typeof BACKENDS;

/**
 * Loads the model; with `file: "best"` from a Q4_0 file made of it, which is kept in the cache, at the fastest settings of a search.
 * `backend` names the code to use instead of the best for this processor.
 */
export async function startLlama(
  modelPath: string,
  threads: number,
  file: FileKind,
  how: Search,
  backend?: string,
): Promise<Contender> {
  const path = file === "same" ? modelPath : await makeBestFile(modelPath);
  const program = await startPython<Ready>("llama_bench.py", [
    llamaLibraries(),
    path,
    JSON.stringify({ threads, vocab_only: false, ...(backend === undefined ? {} : { backend }) }),
  ]);
  const chosen = new Map<string, Settings>();
  const settingsOf = (cell: Cell): Settings => chosen.get(nameOf(cell)) ?? DEFAULTS;
  return {
    name: NAME,
    file,
    can: () => true,
    async fill(cell) {
      if (cell.metric === "prefill" || cell.context === 0) return;
      const wanted = file === "best" ? choicesFor(cell, how) : [DEFAULTS];
      for (const settings of wanted) await measure(program, { ...cell, steps: 1 }, settings);
    },
    async prepare(cell) {
      if (file === "best" && !chosen.has(nameOf(cell)))
        chosen.set(nameOf(cell), await search(program, cell, how));
    },
    settings: (cell) => `${program.ready.backend} code, ${describe(settingsOf(cell))}`,
    measure: (cell) => measure(program, cell, settingsOf(cell)),
    close: () => program.close(),
  };
}

/** The Q4_0 file made of a model, from the cache or made now. */
export async function makeBestFile(modelPath: string): Promise<string> {
  const folder = join(cacheDir(), "bench");
  const path = join(folder, `${basename(modelPath, ".gguf")}.as-Q4_0.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const program = await startPython("llama_bench.py", [llamaLibraries(), modelPath, "{}"]);
  try {
    const part = `${path}.${process.pid}`;
    await program.call("quantize", { path: part });
    renameSync(part, path);
  } finally {
    await program.close();
  }
  return path;
}

/** On all hosts attention in one pass was fastest but at depth, where it was slowest. */
function choicesFor({ metric, context }: Cell, how: Search): Settings[] {
  const isDeep = context >= DEEP_CONTEXT;
  const choices = CHOICES.filter(({ kv }) => kv === "f16" || !isDeep);
  if (how === "full") return choices;
  const known = choices.filter(({ flash }) => flash === (isDeep ? 0 : 1));
  return metric === "prefill" ? known.slice(0, 1) : known;
}

/** The fastest choice: the best of a few tries each, for a slow try says nothing about the choice. */
async function search(program: PythonProgram<Ready>, cell: Cell, how: Search): Promise<Settings> {
  const choices = choicesFor(cell, how);
  if (choices.length === 1) return choices[0]!;
  const speeds = choices.map(() => 0);
  for (let attempt = 0; attempt < TRIES[how]; attempt++) {
    for (const [index, settings] of choices.entries()) {
      speeds[index] = Math.max(speeds[index]!, await measure(program, cell, settings));
    }
  }
  return choices[speeds.indexOf(Math.max(...speeds))]!;
}

async function measure(program: PythonProgram<Ready>, cell: Cell, settings: Settings): Promise<number> {
  const { metric, context, batch, steps } = cell;
  if (metric === "prefill") {
    const { kv, flash } = settings;
    return context / (await program.call<number>("prefill", { tokens: context, kv, flash }));
  }
  const run = { tokens: steps, depth: context, sequences: batch, ...settings };
  return (steps * batch) / (await program.call<number>("decode", run));
}

const nameOf = ({ metric, context, batch }: Cell): string => `${metric} ${context} ${batch}`;

function describe({ kv, flash }: Settings): string {
  return `${kv} KV, flash attention ${flash === -1 ? "by default" : flash === 1 ? "on" : "off"}`;
}
