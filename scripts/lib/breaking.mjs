// Whether the schema breaks clients of the last release. The tag of that release is the promise: none, and nothing is promised yet.

import { bufCommand } from "./generate.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";

const RELEASE_TAGS = "v*";

/**
 * Compares the schema with that of the last release tag reachable from the current commit.
 * @param root a work tree with proto/ and buf.yaml; the project by default.
 * @returns what breaks, empty when nothing does or nothing has been released.
 */
export async function describeBreaking(root = inProject()) {
  const git = (...args) => capture("git", args, { cwd: root });
  const tag = await git("describe", "--tags", "--abbrev=0", "--match", RELEASE_TAGS);
  if (tag.code !== 0) return "";
  // A second work tree has its .git elsewhere.
  const folder = await git("rev-parse", "--path-format=absolute", "--git-common-dir");
  const against = `${folder.stdout.trim()}#tag=${tag.stdout.trim()}`;
  const { code, output } = await capture(...bufCommand("breaking", "--against", against), { cwd: root });
  return code === 0 ? "" : output.trim() || `ended with code ${code}`;
}
