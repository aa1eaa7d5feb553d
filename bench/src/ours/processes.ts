/** What the benchmarks ask the operating system about processes (Linux), and for free ports. */
import { readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";

/** Clock ticks a second of /proc; fixed in the kernel's interface. */
const TICKS_PER_SECOND = 100;
/** Places of user time, system time and the parent's number among {@link statusFields}. */
const [USER, SYSTEM, PARENT] = [11, 12, 1];

/** Resident bytes of a process. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmRSS:\s*(\d+) kB/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kibibytes) * 1024;
}

/** Seconds of processor time a process has used, all threads together, in steps of 10 ms. */
export async function processorSeconds(pid: number): Promise<number> {
  const fields = await statusFields(pid);
  return (Number(fields[USER]) + Number(fields[SYSTEM])) / TICKS_PER_SECOND;
}

/** The child of a process that has one: the forward service is the gateway's. @throws Error if it has none. */
export async function onlyChild(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");
  // A number may have gone to another process since.
  for (const child of children.map(Number))
    if (Number((await statusFields(child))[PARENT]) === pid) return child;
  throw new Error(`process ${pid} has no child process`);
}

/** Fields of /proc/PID/stat after the second, a name in brackets that may hold anything. */
async function statusFields(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** A port of the loopback interface that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
