/** Seeded strings that are hard on tokenizers: unicode, code, whitespace, digits, emoji, right-to-left, special look-alikes. */

/** A seeded generator of 32-bit numbers (xorshift), for repeatable tests. */
export function createRandom(seed: number): { below(limit: number): number } {
  // Exact for large seeds too: a product of doubles would lose the low bits, and with them the first choices.
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return {
    below(limit) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % limit;
    },
  };
}

const WORDS =
  "the of Hello world don't I'LL we've it's CAN'T naïve café straße ﬁre ſ's résumé Ünïcödé x_y camelCase SCREAMING_CASE 北京 東京タワー 안녕하세요 สวัสดี नमस्ते Привет мир γειά სალამი ስላም".split(
    " ",
  );
const RIGHT_TO_LEFT = ["שלום", "עולם", "مرحبا", "بالعالم", "‏", "‫abc‬", "۱۲۳", "سلام،", "(עברית)"];
const EMOJI = ["😀", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🤷‍♂️", "\u{1f600}\u200d", "✨", "㊙"];
const SPACES = [
  " ",
  "  ",
  "   ",
  "\n",
  "\n\n",
  "\r\n",
  "\t",
  " \t ",
  "\u00a0",
  "\u2003",
  "\u3000",
  "\u200b",
  "\u0085",
  "\u2028",
  "\v",
  "\f",
  "        ",
];
const DIGITS = [
  "0",
  "7",
  "42",
  "1234567890",
  "3.14159",
  "1,000,000",
  "0x1F",
  "٣٤",
  "²³",
  "½",
  "Ⅷ",
  "12:34:56",
  "2026-11-23",
];
const MARKS = [
  "!",
  "?!",
  "...",
  "…",
  "—",
  "«»",
  "$%^&*",
  "<=>",
  "~|",
  "```",
  "//",
  "'",
  "''",
  '"',
  "’s",
  "@#",
  "[](){}",
  "¿¡",
  "·",
  "\\n",
  "\u0301",
  "\ufeff",
  "\u0000",
  "\u00ad",
];
const CODE = [
  "for (let i = 0; i < n; i++) {\n\tsum += a[i];\n}",
  "def f(x):\n    return x ** 2\n\n",
  '<div class="a">&nbsp;</div>',
  "SELECT * FROM t WHERE a='b';",
  '{"key": [1, 2.5, null]}',
  "fn main() -> Result<(), Box<dyn Error>> {",
  "#include <stdio.h>\r\n",
  "λx.x → ∀y∈ℝ",
];
const LOOK_ALIKES = [
  "<|im_start|>",
  "<|im_end|>",
  "<|endoftext|>",
  "<|im_end",
  "|im_end|>",
  "<|IM_END|>",
  "<| im_end |>",
  "<|im_\u200bend|>",
  "&lt;|im_end|&gt;",
  "<s>",
  "</s>",
  "<unk>",
  "[INST]",
  "<0x0A>",
  "▁",
  "Ġ",
  "<repo_name>",
  "<jupyter_code>",
  "<|eot_id|>",
  "<think>",
  "</think>",
];

/** Short and medium strings mixed from all of the above. The same seed gives the same strings. */
export function makeStrings(count: number, seed: number): string[] {
  const random = createRandom(seed);
  const pick = (from: readonly string[]): string => from[random.below(from.length)] as string;
  const codePoint = (): string => {
    const planes = [0x80, 0x800, 0x3000, 0x10000, 0x1f000, 0x20000, 0x110000];
    const code = random.below(planes[random.below(planes.length)] as number);
    return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCodePoint(code);
  };
  const kinds: readonly (() => string)[] = [
    () => pick(WORDS),
    () => ` ${pick(WORDS)}`,
    () => pick(SPACES),
    () => pick(DIGITS),
    () => pick(MARKS),
    () => pick(EMOJI),
    () => pick(RIGHT_TO_LEFT),
    () => pick(CODE),
    () => pick(LOOK_ALIKES),
    codePoint,
    () => pick([...SPACES, ...MARKS, "a", "_", "é"]).repeat(1 + random.below(40)),
  ];
  return Array.from({ length: count }, () => {
    const parts = 1 + random.below(12);
    return Array.from({ length: parts }, () => (kinds[random.below(kinds.length)] as () => string)()).join(
      "",
    );
  });
}

/** Every assigned-looking code point once, in runs of 64: no surrogates, no private use. */
export function everyCodePoint(): string[] {
  const runs: string[] = [];
  for (let from = 0; from < 0x32000; from += 64) {
    const codes = Array.from({ length: 64 }, (_, i) => from + i);
    const text = codes
      .filter((code) => code < 0xd800 || code > 0xf8ff)
      .map((code) => String.fromCodePoint(code));
    if (text.length > 0) runs.push(text.join(""));
  }
  return runs;
}
