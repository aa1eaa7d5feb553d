/** Schemas, values, expressions and texts that grammars are tried on. */

/** Schemas that are enforced, with values their grammars must take. */
export const ACCEPTED: readonly { readonly schema: unknown; readonly takes: readonly unknown[] }[] = [
  { schema: { type: "integer", minimum: 3 }, takes: [3, 5, 900] },
  { schema: { type: "integer", minimum: 3, maximum: 7 }, takes: [3, 7] },
  { schema: { type: "number", minimum: 0, maximum: 1 }, takes: [0, 0.5, 1] },
  { schema: { type: "number", exclusiveMinimum: 0.5, exclusiveMaximum: 1.5 }, takes: [1, 0.75] },
  { schema: { type: "string", minLength: 2, maxLength: 3 }, takes: ["ab", 'a"', "é\n"] },
  { schema: { type: "string", pattern: "^a+$" }, takes: ["aaaa"] },
  { schema: { type: "string", pattern: '^[^b]*"$' }, takes: ['a"'] },
  { schema: { type: "string", format: "date" }, takes: ["2024-01-31"] },
  { schema: { type: "string", format: "email", pattern: "^[ab]+@[ab]+\\.c$" }, takes: ["a@b.c"] },
  { schema: { enum: ["a", 1, null, "red"] }, takes: ["a", 1, null] },
  { schema: { const: { a: 1 } }, takes: [{ a: 1 }] },
  { schema: { type: "string", enum: ["a", 1] }, takes: ["a"] },
  { schema: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 2 }, takes: [[1], [1, 1]] },
  {
    schema: { type: "array", prefixItems: [{ type: "integer" }, { type: "string" }] },
    takes: [
      [1, "a"],
      [1, "a", {}],
    ],
  },
  {
    schema: { type: "array", prefixItems: [{ type: "integer" }], items: { type: "string" } },
    takes: [[1], [1, "a"]],
  },
  { schema: { type: "array", items: { type: "integer", maximum: 2 }, minItems: 3 }, takes: [[1, 1, 1]] },
  ...[2 ** 32 + 1, 1e21].flatMap((count) => [
    { schema: { type: "array", items: { type: "integer" }, maxItems: count }, takes: [[], [1], [1, 1, 1]] },
    { schema: { type: "object", maxProperties: count }, takes: [{}, { a: 1, b: 2, c: 3 }] },
  ]),
  { schema: { type: "object" }, takes: [{}, { a: [{ b: null }] }] },
  { schema: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] }, takes: [{ a: 1 }] },
  {
    schema: {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "integer" }, c: { type: "integer" } },
    },
    takes: [{}, { a: 1 }, { b: 2 }, { a: 1, c: 3 }, { a: 1, b: 2, c: 3 }],
  },
  {
    schema: {
      type: "object",
      properties: { a: { type: "integer" }, b: { type: "integer" }, c: { type: "integer" } },
      required: ["b"],
    },
    takes: [{ b: 2 }, { a: 1, b: 2 }, { b: 2, c: 3 }],
  },
  { schema: { type: "object", additionalProperties: { type: "integer" } }, takes: [{}, { a: 1, b: 2 }] },
  {
    schema: { type: "object", additionalProperties: { type: "integer" }, minProperties: 1, maxProperties: 1 },
    takes: [{ a: 1 }],
  },
  { schema: { type: "object", propertyNames: { pattern: "^[ab]$" } }, takes: [{ a: 1 }, { b: "x" }] },
  { schema: { anyOf: [{ type: "integer" }, { type: "string" }] }, takes: [1, "a"] },
  { schema: { oneOf: [{ type: "integer" }, { type: "null" }] }, takes: [1, null] },
  {
    schema: {
      oneOf: [
        { type: "object", properties: { t: { const: "x" }, v: { type: "integer" } }, required: ["t", "v"] },
        { type: "object", properties: { t: { const: "y" }, w: { type: "string" } }, required: ["t", "w"] },
      ],
    },
    takes: [
      { t: "x", v: 1 },
      { t: "y", w: "a" },
    ],
  },
  {
    schema: {
      $ref: "#/$defs/n",
      $defs: {
        n: {
          type: "object",
          properties: { c: { type: "array", items: { $ref: "#/$defs/n" } } },
          required: ["c"],
        },
      },
    },
    takes: [{ c: [{ c: [] }] }],
  },
  { schema: { type: ["integer", "null"], minimum: 3 }, takes: [3, null] },
  { schema: { type: ["string", "integer"], minimum: 3, maxLength: 1 }, takes: [5, "a"] },
  { schema: { required: ["a"] }, takes: [{ a: 1 }] },
  { schema: { type: "object", required: ["z"], additionalProperties: true }, takes: [{ z: [1] }] },
  { schema: true, takes: [1, "a", { a: [null] }] },
  { schema: { type: "boolean" }, takes: [true, false] },
];

/** Schemas that are refused: why, with which words, and whether `strict: false` takes them. */
export const REFUSED = [
  {
    schema: { type: "array", uniqueItems: true },
    reason: "UNSUPPORTED",
    says: "uniqueItems",
    ignorable: true,
  },
  { schema: { type: "integer", multipleOf: 2 }, reason: "UNSUPPORTED", says: "multipleOf", ignorable: true },
  { schema: { minItems: 2 ** 32 + 1 }, reason: "FIELD_OUT_OF_RANGE", says: "minItems", ignorable: false },
  { schema: { minItems: 1e21 }, reason: "FIELD_OUT_OF_RANGE", says: "minItems", ignorable: false },
  { schema: { type: "string", maxlength: 2 }, reason: "UNSUPPORTED", says: "maxlength", ignorable: true },
  { schema: { not: {} }, reason: "UNSUPPORTED", says: "not", ignorable: true },
  {
    schema: { oneOf: [{ type: "integer" }, { type: "number" }] },
    reason: "UNSUPPORTED",
    says: "oneOf",
    ignorable: true,
  },
  { schema: { allOf: [{}, {}] }, reason: "UNSUPPORTED", says: "allOf", ignorable: true },
  { schema: { type: "string", format: "zzz" }, reason: "UNSUPPORTED", says: "zzz", ignorable: true },
  {
    schema: { type: "string", pattern: "a", maxLength: 2 },
    reason: "UNSUPPORTED",
    says: "beside",
    ignorable: true,
  },
  { schema: { type: "zzz" }, reason: "INVALID_ARGUMENT", says: "#/type", ignorable: false },
  { schema: { minLength: -1 }, reason: "INVALID_ARGUMENT", says: "minLength", ignorable: false },
  { schema: { $ref: "#/x" }, reason: "INVALID_ARGUMENT", says: "#/x", ignorable: false },
  { schema: false, reason: "INVALID_ARGUMENT", says: "allows nothing", ignorable: false },
  {
    schema: { type: "integer", minimum: 3, maximum: 2 },
    reason: "INVALID_ARGUMENT",
    says: "allows no number",
    ignorable: false,
  },
] as const;

/** Values of every kind, some of which each schema refuses. */
export const VALUES: readonly unknown[] = [
  ...[1, 0, -1, 2, 3, 5, 7, 9, 900, 0.4, 0.5, 0.75, 1.1, 1.5, true, null],
  ...["", "a", "ab", "abc", "aaaa", "ba", "a\nb", "\u0001a", '"q"', "é", "2024-02-30", "2024-13-01", "red"],
  ...[[], [1], [1, 1], [1, 2, 3], ["a"], [1, "a"], ["a", 1], [1, 2], [{}]],
  ...[
    {},
    { a: 1 },
    { a: "x" },
    { b: 1 },
    { a: 1, b: 2 },
    { b: 2, a: 1 },
    { a: 1, c: 3 },
    { b: "x" },
    { c: 1 },
  ],
  ...[
    { c: [] },
    { c: [{}] },
    { c: [{ c: [] }] },
    { t: "x", v: 1 },
    { t: "x", w: "a" },
    { t: "x", v: 1, w: "a" },
  ],
];

/** Expressions without characters that RegExp counts in another way. */
export const REGEXES: readonly string[] = [
  ...[
    "a[ab]|[a-c][ab][ab]|[a-c][ab][ab][ab]",
    "a*",
    "a+",
    "a{2,3}",
    "(ab)?c?",
    "a|b",
    "(|a)b",
    "a||b",
    "[^a]",
  ],
  ...[
    "[^\\d]",
    "\\w+",
    "\\D",
    "\\S+",
    "a.c",
    ".",
    "[é-ü]",
    "[é-ü]+|中文",
    "\\u4e2d文",
    "\\x41",
    "[\\x41-\\x43]",
    "[\\d-]",
  ],
  ...[
    "[a-]",
    "\\\\",
    '"',
    '["\\\\]',
    "\\]",
    "^a$",
    "^a|b$",
    "(?:a|b)c",
    "(?<n>a)b",
    "[A-Z][a-z]+ [A-Z]\\.",
    "a+?b*?",
  ],
  ...[
    "\\d{4}-(0[1-9]|1[0-2])",
    "\\t",
    "[\\t ]",
    "[^]",
    "\\{",
    "[\\s\\S]*",
    "\\w{1,}",
    "x*.",
    "é|.",
    "(a|b)*a(a|b)",
  ],
];

/** Texts the expressions are tried on. */
export const TEXTS: readonly string[] = [
  ...[
    "",
    "a",
    "b",
    "c",
    "ab",
    "ac",
    "aa",
    "ba",
    "aaa",
    "aaaaa",
    "abc",
    "caba",
    "a\nc",
    "é",
    "ü",
    "ý",
    "üé",
    "中文",
    "x1",
  ],
  ...[
    "1",
    "2024-12",
    "2024-13",
    "_",
    "-",
    "a-b",
    "A",
    "D",
    '"',
    "\\",
    "]",
    "^",
    "\t",
    " ",
    "a b",
    "Ab C.",
    "u4",
    "{",
  ],
];
