/** Prompt files of recipes: one JSON object a line with id, text, family and split. */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { BUILD_LIMITS } from "../../limits.ts";

const schema = z.strictObject({
  id: z.string().min(1).max(100),
  text: z.string().min(1).max(BUILD_LIMITS.promptChars),
  family: z.string().min(1).max(100),
  split: z.enum(["train", "validation", "test"]),
});

/** One prompt. Families are topics; no family is in two splits of one file. */
export type Prompt = z.infer<typeof schema>;

/** Part of the data a prompt belongs to. */
export type Split = Prompt["split"];

/** Parses a prompt file. @throws TrimtabError ARTIFACT_INVALID or TOO_LARGE, naming file and line. */
export function parsePrompts(text: string, file: string): Prompt[] {
  const lines = [...text.split("\n").entries()].filter(([, line]) => line.trim() !== "");
  if (lines.length > BUILD_LIMITS.promptsPerClass) {
    throw new TrimtabError("TOO_LARGE", `${file} has ${lines.length} prompts`, {
      field: file,
      limit: BUILD_LIMITS.promptsPerClass,
    });
  }
  return lines.map(([index, line]) => {
    const parsed = schema.safeParse(parseJson(line));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new TrimtabError(
      "ARTIFACT_INVALID",
      `${file} line ${index + 1}: ${issue?.path.join(".")} ${issue?.message}`,
      { field: file },
    );
  });
}

/**
 * At most `count` prompts of a split, taken round-robin over the families, so that a part represents the whole.
 * The order is that of the file within a family; the same call gives the same prompts.
 */
export function takePrompts(prompts: readonly Prompt[], split: Split, count: number): Prompt[] {
  const families = new Map<string, Prompt[]>();
  for (const prompt of prompts) {
    if (prompt.split !== split) continue;
    const family = families.get(prompt.family);
    if (family) family.push(prompt);
    else families.set(prompt.family, [prompt]);
  }
  const taken: Prompt[] = [];
  for (let round = 0; taken.length < count; round++) {
    const more = [...families.values()].flatMap((family) => family[round] ?? []);
    if (more.length === 0) break;
    taken.push(...more.slice(0, count - taken.length));
  }
  return taken;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
