/**
 * How a tokenizer.json cuts text, by the names llama.cpp gives to the known ways. A pattern that comes with a file is
 * compared, never compiled. Source: the tokenizer.json files of the model families.
 */
import { TrimtabError } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./json-file.ts";
import { SENTENCE_PIECE_BLANK } from "./token-bytes.ts";

const WORDS_GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const wordsGpt4 = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Steps as {@link stepOf} writes them → name. */
const CUTS: ReadonlyMap<string, string> = new Map([
  ["bytes by words", "gpt-2"],
  ["single digits, bytes by words", "smollm"],
  // As we write the two above: some runtimes cut by words in another way than by a pattern.
  [`split ${WORDS_GPT2}, bytes`, "gpt-2"],
  [`split \\p{N}, split ${WORDS_GPT2}, bytes`, "smollm"],
  [`split ${wordsGpt4("\\p{N}")}, bytes`, "qwen2"],
  [`split ${wordsGpt4("\\p{N}{1,3}")}, bytes`, "llama-bpe"],
  // Blanks become letters in the normalizer; nothing is cut.
  ["", "sentencepiece"],
  ["blanks", "sentencepiece"],
  ["split blanks", "sentencepiece"],
]);

/** What a normalizer may do: compose letters (which GGUF's tokenizers leave out), or turn blanks into letters. */
const NORMALIZERS = new Set(["NFC", "prepend", "blanks"]);

/**
 * The name of a file's way to cut text; `sentencepiece` for those that do not.
 * @throws TrimtabError UNSUPPORTED for unknown ways.
 */
export function nameOfPreTokenizer(tokenizer: JsonObject): string {
  const steps = listSteps(tokenizer["pre_tokenizer"], "pretokenizers").map(stepOf);
  const name = CUTS.get(steps.join(", "));
  const normalizers = listSteps(tokenizer["normalizer"], "normalizers").map(normalizerOf);
  const other = normalizers.find((one) => !NORMALIZERS.has(one));
  if (other !== undefined)
    throw unsupported("normalizer", `has the step ${other.slice(0, 120)}, which is not known`);
  const turnsBlanks = normalizers.includes("blanks") || steps.includes("blanks");
  if (name !== undefined && (name === "sentencepiece") === turnsBlanks) return name;
  throw unsupported(
    "pre_tokenizer",
    `cuts text in a way that is not known: ${steps.join(", ").slice(0, 120)}`,
  );
}

/** Whether a text starts with a blank that is not there. */
export function readAddSpacePrefix(tokenizer: JsonObject): boolean {
  const prepends = listSteps(tokenizer["normalizer"], "normalizers").some(({ type }) => type === "Prepend");
  const metaspace = listSteps(tokenizer["pre_tokenizer"], "pretokenizers").find(
    ({ type }) => type === "Metaspace",
  );
  if (!metaspace) return prepends;
  const scheme = metaspace["prepend_scheme"];
  return scheme === undefined ? metaspace["add_prefix_space"] !== false : scheme !== "never";
}

/** One step or a sequence of them. */
function listSteps(value: unknown, parts: string): JsonObject[] {
  if (!isJsonObject(value)) return [];
  const inside = value["type"] === "Sequence" ? value[parts] : [value];
  return Array.isArray(inside) ? inside.filter(isJsonObject) : [];
}

function stepOf(step: JsonObject): string {
  switch (step["type"]) {
    case "ByteLevel":
      if (step["add_prefix_space"] === true) return "bytes after a blank";
      return step["use_regex"] === false ? "bytes" : "bytes by words";
    case "Digits":
      return step["individual_digits"] === true ? "single digits" : "digits";
    case "Metaspace":
      return step["split"] === true ? "cut at blanks" : "blanks";
    case "Split": {
      const pattern = isJsonObject(step["pattern"]) ? step["pattern"] : {};
      if (pattern["String"] === " " && step["invert"] !== true) return "split blanks";
      const isPlain = step["behavior"] === "Isolated" && step["invert"] !== true;
      return isPlain ? `split ${String(pattern["Regex"])}` : "split in another way";
    }
    default:
      return String(step["type"]);
  }
}

function normalizerOf({ type, pattern, content, prepend }: JsonObject): string {
  const replaced = isJsonObject(pattern) ? pattern["String"] : undefined;
  if (type === "Replace" && replaced === " " && content === SENTENCE_PIECE_BLANK) return "blanks";
  if (type === "Prepend" && prepend === SENTENCE_PIECE_BLANK) return "prepend";
  return String(type);
}

function unsupported(key: string, problem: string): TrimtabError {
  const field = `tokenizer.json: ${key}`;
  return new TrimtabError("UNSUPPORTED", `${field} ${problem}`, { field });
}
