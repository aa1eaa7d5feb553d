/** Random messages of any schema: fields by their descriptors, values at the edges of their types and names that exist. */
import {
  clone,
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { pick, type Random } from "./target.ts";

/** Words that mean something to the services under test. */
export type Words = readonly string[];

const MAX_DEPTH = 5;
const MAX_LENGTH = 3;
const SMALL = [0, 1, 2, 3, 5, 31, 32, 64];
const UNSIGNED = [127, 1_000, 65_536, 2 ** 31, 2 ** 32 - 1];
const SIGNED = [-1, -100, 2 ** 31 - 1, -(2 ** 31)];
const REALS = [0, -0, 0.5, 1, 1.5, -1, 1e-30, 3e38, Number.NaN, Number.POSITIVE_INFINITY];
const LONGS = [0n, 1n, 2n, 7n, 1n << 31n, (1n << 63n) - 1n];

/** A message with about half of its fields set. */
export function randomMessage(schema: DescMessage, random: Random, words: Words): Message {
  return build(schema, random, words, 0).message;
}

/** A copy of a message with one field, at any depth, set anew or cleared. */
export function changedMessage(schema: DescMessage, message: Message, random: Random, words: Words): Message {
  const copy = reflect(schema, clone(schema, message));
  change(copy, random, words, 0);
  return copy.message;
}

function change(message: ReflectMessage, random: Random, words: Words, depth: number): void {
  const inner = message.fields.flatMap((field) => innerMessages(message, field));
  if (inner.length > 0 && random.below(3) > 0) return change(pick(random, inner), random, words, depth + 1);
  const given = message.fields.filter((field) => message.isSet(field));
  const field = pick(random, random.below(2) === 0 && given.length > 0 ? given : message.fields);
  if (random.below(4) === 0) message.clear(field);
  else set(message, field, random, words, depth);
}

/** Messages that a field holds, those without fields left out: there is nothing in them to change. */
function innerMessages(message: ReflectMessage, field: DescField): ReflectMessage[] {
  if (!message.isSet(field)) return [];
  const held = (): ReflectMessage[] => {
    if (field.fieldKind === "message") return [message.get(field)];
    if (field.fieldKind === "list" && field.listKind === "message")
      return [...message.get(field)] as ReflectMessage[];
    return [];
  };
  return held().filter(({ fields }) => fields.length > 0);
}

function build(schema: DescMessage, random: Random, words: Words, depth: number): ReflectMessage {
  const message = reflect(schema, create(schema));
  for (const field of schema.fields) {
    if (random.below(depth === 0 ? 4 : 2) === 0) continue;
    if (depth >= MAX_DEPTH && (field.fieldKind === "message" || field.message !== undefined)) continue;
    set(message, field, random, words, depth);
  }
  return message;
}

function set(message: ReflectMessage, field: DescField, random: Random, words: Words, depth: number): void {
  const inner = (schema: DescMessage) => build(schema, random, words, depth + 1);
  const length = random.below(MAX_LENGTH + 1);
  switch (field.fieldKind) {
    case "scalar":
      return message.set(field, scalar(field.scalar, random, words));
    case "enum":
      return message.set(field, pick(random, field.enum.values).number);
    case "message":
      return message.set(field, inner(field.message));
    case "list": {
      const list = message.get(field);
      for (let i = 0; i < length; i++) list.add(entry(field.listKind, field, random, words, inner));
      return;
    }
    case "map": {
      const map = message.get(field);
      for (let i = 0; i < length; i++) {
        const key = scalar(field.mapKey, random, words) as string;
        map.set(key, entry(field.mapKind, field, random, words, inner));
      }
    }
  }
}

/** One entry of a list or map. */
function entry(
  kind: "scalar" | "enum" | "message",
  { message, enum: choices, scalar: type }: DescField,
  random: Random,
  words: Words,
  inner: (schema: DescMessage) => ReflectMessage,
): ReflectMessage | ReturnType<typeof scalar> {
  if (kind === "message" && message) return inner(message);
  if (kind === "enum" && choices) return pick(random, choices.values).number;
  return scalar(type ?? ScalarType.STRING, random, words);
}

function scalar(
  type: ScalarType,
  random: Random,
  words: Words,
): string | number | bigint | boolean | Uint8Array {
  switch (type) {
    case ScalarType.STRING:
      return random.below(4) === 0
        ? pick(random, ["", "\0", "../x", "é😀", "a".repeat(300)])
        : pick(random, words);
    case ScalarType.BOOL:
      return random.below(2) === 0;
    case ScalarType.BYTES:
      return new Uint8Array(random.below(40)).fill(random.below(256));
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return pick(random, random.below(4) === 0 ? REALS : REALS.slice(2, 5));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return pick(random, random.below(4) === 0 ? SIGNED : SMALL);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return pick(random, random.below(4) === 0 ? UNSIGNED : SMALL);
    default:
      return pick(random, LONGS);
  }
}
