/** The page about speed, made from a report: what was reached and what was missed, on which machine, in tables. */
import { formatRatio, formatValue, type Report } from "../report.ts";
import type { BenchRow } from "../rows.ts";
import { labelOf, shortPeer } from "./plot.ts";
import { judge, targetOf, type Target } from "../targets.ts";

const BESIDE = /^(decode|batch|prefill|served|served-branches)$/;
const TILES =
  "Matrix tiles (AMX) are 512-bit products that WebAssembly cannot reach; llama.cpp uses them. What must be reached on hosts with " +
  "AVX-512 was set without tiles in mind, so the run that is limited to AVX-512 is the fairer one.\n";
const ROOFLINE = /^roofline-/;
const PROFILE = /^profile-/;

const MEANINGS: readonly (readonly [string, string])[] = [
  ["decode", "tokens/s of one sequence that holds `context` tokens"],
  ["batch", "tokens/s of all sequences together"],
  ["prefill", "tokens/s of a prompt of `context` tokens, its first logits included"],
  ["served", "generated tokens/s of 16 streamed chats of 32 tokens at once over HTTP, prompts included"],
  [
    "served-branches",
    "generated tokens/s of 16 answers to one prompt of 512 tokens over HTTP, the prompt included",
  ],
  ["steering", "decode with an addition after every block"],
  ["capture-last", "a prompt of 128 tokens whose last token is read at all layers"],
  ["capture-every", "decode with every token read at all layers"],
  ["fork", "a fork as a client sees it, round trip included"],
  ["fork-leak", "pages in use after 10,000 forks and drops that were not before"],
  ["branches", "16 answers of 32 tokens to one prompt of 512, the prompt included"],
  ["branches-kv", "keys and values read by a step of 16 branches"],
  ["ttft", "first token of a prompt of 32 over the public gRPC API"],
  [
    "transport",
    "from forward's socket through the gateway to the client, a streamed token, p50; both times in one process",
  ],
  ["order", "time of products that add in one fixed order, beside kernels that may add in any"],
  ["score", "log-probabilities of 512 given tokens"],
  ["speculation", "prompt-lookup guesses on a prompt that repeats itself"],
  ["load", "from the start of the process to ready, file in the page cache"],
  ["memory", "resident when ready"],
];

/** A report, and its path as the page links to it. */
export interface Source {
  readonly report: Report;
  readonly link: string;
}

/**
 * Markdown of the page. `main` has all rows; of `others`, runs of other hosts or beside a llama.cpp that was limited to narrower vectors,
 * the comparisons with peers are shown. `picture` is a path as the page links to it.
 */
export function makePage(main: Source, others: readonly Source[], picture: string): string {
  const { rows, absent, cpu, cores, isa, load, versions } = main.report;
  const pick = (isWanted: (row: BenchRow) => boolean): BenchRow[] => inOrder(rows.filter(isWanted));
  const isOther = ({ metric }: BenchRow): boolean =>
    !BESIDE.test(metric) && !ROOFLINE.test(metric) && !PROFILE.test(metric);
  const parts = [
    "# Performance\n",
    `Made by \`npm run bench -- report\` from ${[main, ...others].map(linkTo).join(", ")}; not written by hand.\n`,
    "**Problem.** Steering, search and verification multiply the work of a model, so the engine must be at least as fast as",
    "what a program would use instead; and a number that cannot be made again is worth nothing.\n",
    `**Machine.** ${cpu}, ${cores} cores, native peers use **${isa}**; our kernels are 128-bit WebAssembly wherever they run.`,
    `Versions: ${listVersions(versions, rows)}.\n`,
    ...tiles(isa),
    ...(load > cores / 2
      ? [
          `**The machine was not quiet**: load average ${load} when the run began. Believe ratios more than speeds,`,
          "and neither to better than the ranges given.\n",
        ]
      : []),
    ...summary([main, ...others]),
    "## How it is measured\n",
    "`npm run bench -- engine` starts every contender in a process of its own and interleaves them: in each round each runs",
    "once, neighbours in time, every other round in reverse. A ratio is the median over the rounds of ours / theirs, with the",
    "lowest and the highest round. Ours is timed by a client of the service, transport and sampling included; llama.cpp is",
    "called through its C library and is timed without sampling. `same` is our file; `best` is the format llama.cpp is",
    "fastest in (Q4_0, repacked), at the settings that are fastest here. Equal threads.",
    "`--quick --json FILE` takes about five minutes on a quiet machine (five rounds, one thread, without `branches`); the full run takes an hour or more, and goes on with `--resume` when it was stopped.",
    "Peers that are no packages of the project (llama-server, node-llama-cpp, wllama, transformers.js, a Chromium) are built or",
    "installed into the cache by `npm run bench:peers -- all`; without them their rows are absent.\n",
    `![Ratios to peers](${picture})\n`,
    "A dot is a median, its line the range of the rounds, a tick the must; red ones miss it, grey ones have none.\n",
    "## Beside other engines\n",
    table(
      pick(({ metric }) => BESIDE.test(metric)),
      isa,
    ),
    ...others.flatMap(({ report }) => otherPart(report)),
    "\n## What features cost\n",
    table(pick(isOther), isa),
    "\n## Share of what the machine allows\n",
    "Ours beside the lower of two bounds that are measured in the same run: bytes read (weights, keys and values) and 8-bit",
    "products with 128-bit vectors.\n",
    shares(pick(({ metric }) => ROOFLINE.test(metric))),
    ...profilePart(pick(({ metric }) => PROFILE.test(metric))),
    "\n## Words\n",
    ...MEANINGS.map(([metric, meaning]) => `- \`${metric}\`: ${meaning}`),
    ...absences(absent),
    "\n## Not measured\n",
    "Several clients on several machines; energy. `--isa avx512` and `--isa avx2` limit llama.cpp's code, not the processor: a host that has no wider",
    "vectors may also have another clock and other caches.",
  ];
  return `${parts.join("\n")}\n`;
}

function listVersions(versions: Readonly<Record<string, string>>, rows: readonly BenchRow[]): string {
  const peers = rows.map(({ peer }) => peer).filter((peer) => /^[\w.-]+[ @]\d/.test(peer));
  const own = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [...new Set([...own, ...peers])].join(", ");
}

/** Rows as a reader looks for them: by model, threads, metric and context, whatever was measured first. */
export function inOrder(rows: readonly BenchRow[]): BenchRow[] {
  const rank = ({ metric }: BenchRow): number =>
    MEANINGS.findIndex(([name]) => name === metric.replace(ROOFLINE, "").replace(PROFILE, ""));
  return rows.toSorted(
    (a, b) =>
      a.model.localeCompare(b.model) ||
      a.threads - b.threads ||
      rank(a) - rank(b) ||
      a.context - b.context ||
      a.peer.localeCompare(b.peer) ||
      b.file.localeCompare(a.file),
  );
}

const linkTo = ({ link }: Source): string => `[\`${link.split("/").at(-1)}\`](${link})`;

function otherPart({ rows, cpu, isa, load }: Report): string[] {
  const speeds = inOrder(rows.filter(({ metric }) => BESIDE.test(metric)));
  return [
    `\n## Beside llama.cpp with ${nameOf(isa)}\n`,
    `${cpu}, ${isa}; load average ${load} when the run began.\n`,
    ...tiles(isa),
    table(speeds, isa),
  ];
}

/** Vector instructions without what is said of how they came to be used. */
const nameOf = (isa: string): string => isa.replace(/ \(.*/, "");

const tiles = (isa: string): string[] => (nameOf(isa).includes("amx") ? [TILES] : []);

/** How many musts are reached, and which are not, run by run. */
function summary(sources: readonly Source[]): string[] {
  const runs = sources.map(({ report: { rows, cpu, isa } }) => {
    const judged = inOrder(rows).flatMap((row) => {
      const target = targetOf(row, isa);
      return target ? [{ row, target, verdict: judge(row, target) }] : [];
    });
    return { host: `${cpu}, ${nameOf(isa)}`, judged };
  });
  const all = runs.flatMap(({ judged }) => judged);
  const reached = all.filter(({ verdict }) => verdict !== "missed");
  const aims = reached.filter(({ verdict }) => verdict === "aim reached");
  return [
    `**Result.** ${reached.length} of ${all.length} musts reached (${aims.length} with their aims).\n`,
    ...runs.flatMap(({ host, judged }) => {
      const missed = judged.filter(({ verdict }) => verdict === "missed");
      if (missed.length === 0) return [];
      const lines = missed.map(
        ({ row, target }) => `- ${labelOf(row)}: ${valueOf(row, target)} instead of ${target.must}`,
      );
      return [`${missed.length} of ${judged.length} missed on ${host}:\n`, ...lines, ""];
    }),
  ];
}

const valueOf = (row: BenchRow, target: Target): string =>
  target.of === "ratio" ? (row.ratio?.toFixed(2) ?? "nothing") : `${formatValue(row.ours)} ${row.unit}`;

function table(rows: readonly BenchRow[], isa: string): string {
  const head = [
    "metric",
    "model",
    "threads",
    "context",
    "batch",
    "beside",
    "file",
    "ours",
    "theirs",
    "unit",
    "ratio",
  ];
  const lines = rows.map((row) => {
    const { metric, model, threads, context, batch, peer, file, ours, theirs, unit } = row;
    const target = targetOf(row, isa);
    const verdict = target ? judge(row, target) : "";
    return [
      ...[
        metric,
        model.replace(/\.gguf$/, ""),
        threads,
        context,
        batch,
        peer === "none" ? "" : shortPeer(peer),
        file,
      ],
      ...[formatValue(ours), theirs === null ? "" : formatValue(theirs), unit, formatRatio(row)],
      ...[target?.must ?? "", target?.aim ?? "", verdict === "missed" ? "**missed**" : verdict],
    ].map(String);
  });
  return markdown([...head, "must", "aim", "verdict"], lines);
}

function shares(rows: readonly BenchRow[]): string {
  const lines = rows.map(({ metric, model, threads, context, batch, ours, theirs, ratio, settings = "" }) => [
    ...[metric.replace(ROOFLINE, ""), model.replace(/\.gguf$/, ""), threads, context, batch].map(String),
    ...[formatValue(ours), formatValue(theirs ?? 0), `${(100 * (ratio ?? 0)).toFixed(0)} %`, settings],
  ]);
  const head = ["metric", "model", "threads", "context", "batch", "tokens/s", "bound", "share", "bounds"];
  return markdown(head, lines);
}

/** The forward pass alone, beside the bound of its own instructions. */
function profilePart(rows: readonly BenchRow[]): string[] {
  if (rows.length === 0) return [];
  const percent = (share: number | null): string => `${(100 * (share ?? 0)).toFixed(0)} %`;
  const lines = rows.map((row) => [
    ...[row.metric.replace(PROFILE, ""), row.model.replace(/\.gguf$/, ""), row.context, row.batch].map(
      String,
    ),
    ...[formatValue(row.ours), formatValue(row.theirs ?? 0), percent(row.ratio), percent(row.high)],
    row.settings ?? "",
  ]);
  const head = ["metric", "model", "context", "batch", "tokens/s", "bound", "share", "at best", "profile"];
  return [
    "\n## Where the time of the forward pass goes\n",
    "One thread, its processor time, without service and transport (`bench -- engine --metrics profile`). The bound is that of",
    "the loops as they are compiled: the bytes of each product, or its 128-bit vector operations, at the rates measured in the same",
    "run, whichever takes longer; sampling and what lies between the operators have none. `share` is the median of the rounds,",
    "`at best` the fastest.\n",
    markdown(head, lines),
  ];
}

function absences(absent: Report["absent"]): string[] {
  if (absent.length === 0) return [];
  const lines = absent.map(({ peer, metric, file, threads, reason }) => {
    return `- ${peer}, ${metric} (${file} file, ${threads} threads): ${reason}`;
  });
  return ["\n## Absent\n", ...lines];
}

const markdown = (head: readonly string[], lines: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
