/** What a result was measured on: processor, instruction set, versions. */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

const MANIFEST = join(import.meta.dir, "..", "..", "package.json");

/** The machine and our side of the versions. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** The widest vector instructions, as native peers see them. */
  readonly isa: string;
  /** Processes that ran or waited to run when the run began; near 0 on a machine that has nothing else to do. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** Reads what this machine is. */
export async function describeMachine(): Promise<Machine> {
  const cores = cpus();
  const { version } = (await Bun.file(MANIFEST).json()) as { version: string };
  return {
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    isa: await instructionSet(),
    load: Number(loadavg()[0]!.toFixed(1)),
    versions: { trimtab: version, bun: Bun.version },
  };
}

async function instructionSet(): Promise<string> {
  const info = await Bun.file("/proc/cpuinfo")
    .text()
    .catch(() => "");
  if (/\bamx_int8\b/.test(info)) return "avx512_vnni with amx_int8";
  if (/\bavx512_vnni\b/.test(info)) return "avx512_vnni";
  if (/\bavx512f\b/.test(info)) return "avx512f";
  return /\bavx2\b/.test(info) ? "avx2" : process.arch;
}
