// its_hub (Python) with what it needs to drive an OpenAI-compatible server, every version pinned. Cost: 93 MB in the cache, most of it numpy.

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "../lib/failure.mjs";
import { withLock } from "../lib/lock.mjs";
import { capture } from "../lib/processes.mjs";
import { startStep } from "../lib/terminal.mjs";

const VERSION = "1.2.0";
const REQUIREMENTS = [
  `its-hub==${VERSION}`,
  ...["aiohappyeyeballs==2.7.1", "aiohttp==3.14.5", "aiosignal==1.4.0", "annotated-types==0.8.0"],
  ...["attrs==26.1.0", "backoff==2.2.1", "certifi==2026.10.19.post1", "charset-normalizer==3.5.3"],
  ...["frozenlist==1.8.0", "idna==3.20", "multidict==7.2.1", "numpy==2.4.6", "propcache==0.5.4"],
  ...["requests==2.34.2", "typing-extensions==4.16.0", "urllib3==2.8.0", "yarl==1.25.1"],
];
const OPTIONS = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "-q"];
const SHOWN_LINES = 12;

const folderIn = (cache) => join(cache, "peers", `its-hub-${VERSION}`);

/** The peer, as `peers.mjs` wants it: `path` is what goes on PYTHONPATH of a `python3` from 3.11 on. */
export const itsHub = {
  find(cache) {
    const path = folderIn(cache);
    if (existsSync(join(path, "its_hub", "__init__.py"))) return { path, version: VERSION };
    return { absent: "not installed: npm run bench:peers -- its-hub (Python 3.11 or newer)" };
  },
  async ensure(cache) {
    const path = folderIn(cache);
    mkdirSync(join(cache, "peers"), { recursive: true });
    await withLock(`${path}.lock`, async () => {
      if (itsHub.find(cache).path !== undefined) return;
      const step = startStep("installing its_hub");
      const scratch = `${path}.${process.pid}`;
      const args = ["-m", "pip", "install", ...OPTIONS, "--target", scratch, ...REQUIREMENTS];
      const { code, output } = await capture("python3", args, { env: { ...process.env, PIP_USER: "0" } });
      if (code !== 0) {
        step.fail();
        rmSync(scratch, { recursive: true, force: true });
        const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
        const message = `pip install its-hub (Python 3.11 or newer) ended with code ${code}`;
        throw new SetupFailure("DOWNLOAD_FAILED", message, shown);
      }
      rmSync(path, { recursive: true, force: true });
      renameSync(scratch, path);
      step.end();
    });
  },
};
