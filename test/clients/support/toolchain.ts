/** Tool chains that a machine may lack: only their tests are left out, and that is said. */

/** A program and the version it tells. */
export interface Toolchain {
  readonly program: string;
  readonly version: string;
}

/** Looks for `program`; undefined, with a line on standard output, where it is absent or does not run. */
export function toolchain(name: string, program: string, ...asking: string[]): Toolchain | undefined {
  const path = Bun.which(program);
  const asked = path === null ? undefined : Bun.spawnSync([path, ...asking]);
  if (path !== null && asked?.success) return { program: path, version: asked.stdout.toString() };
  console.log(`left out: there is no ${name} on this machine (${program})`);
  return undefined;
}
