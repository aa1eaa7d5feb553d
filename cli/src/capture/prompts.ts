/**
 * Prompts for a capture: arguments, lines of a text file, objects of a JSONL file, or standard input.
 * JSONL lines are a text, `{"text": …}` or `{"messages": [{"role": …, "content": …}, …]}`.
 */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { readGivenText } from "../given-file.ts";

/** What is read: a text, or a conversation to be rendered with the model's template. */
export type Prompt =
  | { readonly case: "text"; readonly value: string }
  | {
      readonly case: "conversation";
      readonly value: { readonly messages: { readonly role: string; readonly content: string }[] };
    };

/** Where prompts come from. */
export interface PromptSource {
  /** Given on the command line. */
  readonly prompts: readonly string[];
  /** A file, or "-" for standard input. */
  readonly input?: string;
  readonly format?: "text" | "jsonl";
  /** Texts become a user's message of a conversation. */
  readonly chat: boolean;
}

const MAX_PROMPTS = 100_000;
const entrySchema = z.union([
  z.string(),
  z.strictObject({ text: z.string() }),
  z.strictObject({
    messages: z.array(z.strictObject({ role: z.string(), content: z.string() })).min(1),
  }),
]);

/**
 * Reads all prompts.
 * @throws TrimtabError ARTIFACT_NOT_FOUND (no such file), INVALID_ARGUMENT (naming the line), FIELD_REQUIRED (there is
 *   none), TOO_LARGE
 */
export async function readPrompts(source: PromptSource): Promise<Prompt[]> {
  const { prompts, input, chat } = source;
  const entries: Entry[] = [...prompts];
  if (input !== undefined) entries.push(...parse(await readInput(input), source));
  if (entries.length === 0) {
    const message = "there is nothing to read: give prompts or --input";
    throw new TrimtabError("FIELD_REQUIRED", message, { field: "input" });
  }
  if (entries.length > MAX_PROMPTS) {
    const message = `${entries.length} prompts, at most ${MAX_PROMPTS}`;
    throw new TrimtabError("TOO_LARGE", message, { field: "input", limit: MAX_PROMPTS });
  }
  return entries.map((entry): Prompt => {
    if (typeof entry === "object" && "messages" in entry) return { case: "conversation", value: entry };
    const text = typeof entry === "string" ? entry : entry.text;
    if (!chat) return { case: "text", value: text };
    return { case: "conversation", value: { messages: [{ role: "user", content: text }] } };
  });
}

type Entry = z.infer<typeof entrySchema>;

async function readInput(input: string): Promise<string> {
  if (input === "-") return await new Response(Bun.stdin.stream()).text();
  return readGivenText(input, "input");
}

function parse(content: string, { input = "", format }: PromptSource): Entry[] {
  const isJson = (format ?? (input.endsWith(".jsonl") ? "jsonl" : "text")) === "jsonl";
  return content.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    return [isJson ? parseEntry(line, `${input}:${index + 1}`) : line];
  });
}

function parseEntry(line: string, field: string): Entry {
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch (cause) {
    const message = `${field} is neither a text nor {"text": …} nor {"messages": [{"role": …, "content": …}]}`;
    throw new TrimtabError("INVALID_ARGUMENT", message, { field, cause });
  }
}
