/** An engine process that the system gives too little memory says so and ends (row X12). */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { isLeftOut } from "../support/abilities.ts";

const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
const isLinux = process.platform === "linux";

test.skipIf(isLeftOut("X12", isLinux ? undefined : "limits of address space are Linux's here"))(
  "X12 without address space for its model an engine ends with an error of the list",
  async () => {
    const serve = `exec "${process.execPath}" "${MAIN}" serve --service forward --listen 127.0.0.1:0 --http-port 0`;
    const command = `ulimit -v 1000000; ${serve} --threads 1`;
    const child = Bun.spawn(["bash", "-c", command], { stdout: "ignore", stderr: "pipe" });
    const said = await new Response(child.stderr).text();
    expect(await child.exited).toBeGreaterThan(0);
    expect(said).toContain("[OUT_OF_MEMORY]");
  },
  120_000,
);
