/**
 * The bytes of the two messages there is one of for every token: tokens of a sequence as forward sends them, and their text as clients
 * get it. Read and written by hand, where the general code of protobuf walks over descriptions of fields: half of what a token costs the
 * gateway. Whatever else a message holds, the general code reads or writes it.
 */
import { type SessionResponse } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Token } from "#proto/trimtab/type/v1/generation_pb.ts";

/** Tags of fields: number and kind of value. */
const EVENTS = 0x0a;
const SEQUENCE_ID = 0x08;
const COMMAND_ID = 0x10;
const TOKENS = 0x32;
const TOKEN = 0x0a;
const TOKEN_ID = 0x08;
const LOGPROB = 0x15;
const DELTA = 0x1a;
const CHOICE = 0x08;
const TEXT = 0x12;

/** Numbers and lengths below this are one byte. */
const ONE_BYTE = 0x80;
const FLOAT_BYTES = 4;
/** Longest number that is read here, bytes. */
const MAX_VARINT_BYTES = 4;

const floats = new Float32Array(1);
const floatBytes = new Uint8Array(floats.buffer);

/** A place in bytes, moved by what is read. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** A message of one event that has tokens without alternatives; undefined for any other, and for bytes that are none. */
export function readTokens(bytes: Uint8Array): SessionResponse | undefined {
  const cursor = { bytes, at: 0 };
  if (!opens(cursor, EVENTS, bytes.length)) return undefined;
  const sequenceId = readIf(cursor, SEQUENCE_ID);
  const commandId = readIf(cursor, COMMAND_ID);
  if (sequenceId < 0 || commandId < 0 || !opens(cursor, TOKENS, bytes.length)) return undefined;
  const tokens: Token[] = [];
  while (cursor.at < bytes.length) {
    const token = readToken(cursor);
    if (!token) return undefined;
    tokens.push(token);
  }
  return {
    $typeName: "trimtab.forward.v1.SessionResponse",
    events: [
      {
        $typeName: "trimtab.forward.v1.Event",
        sequenceId: BigInt(sequenceId),
        commandId: BigInt(commandId),
        event: { case: "tokens", value: { $typeName: "trimtab.forward.v1.TokensEvent", tokens } },
      },
    ],
  };
}

function readToken(cursor: Cursor): Token | undefined {
  const { bytes } = cursor;
  if (bytes[cursor.at] !== TOKEN) return undefined;
  const end = cursor.at + 2 + (bytes[cursor.at + 1] ?? ONE_BYTE);
  cursor.at += 2;
  const id = readIf(cursor, TOKEN_ID);
  if (id < 0) return undefined;
  floats[0] = 0;
  if (cursor.at + 1 + FLOAT_BYTES === end && bytes[cursor.at] === LOGPROB && end <= bytes.length) {
    for (let i = 0; i < FLOAT_BYTES; i++) floatBytes[i] = bytes[cursor.at + 1 + i] ?? 0;
    cursor.at = end;
  }
  if (cursor.at !== end || end > bytes.length) return undefined;
  return { $typeName: "trimtab.type.v1.Token", id, logprob: floats[0], top: [] };
}

/** Goes into a field that reaches to `end`. */
function opens(cursor: Cursor, tag: number, end: number): boolean {
  if (cursor.bytes[cursor.at] !== tag) return false;
  cursor.at++;
  const length = readVarint(cursor);
  return length >= 0 && cursor.at + length === end;
}

/** A number that may be there; 0 if it is not, -1 if it is longer than what is read here. */
function readIf(cursor: Cursor, tag: number): number {
  if (cursor.bytes[cursor.at] !== tag) return 0;
  cursor.at++;
  return readVarint(cursor);
}

function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) return -1;
    value |= (byte & (ONE_BYTE - 1)) << (7 * i);
    if (byte < ONE_BYTE) return value;
  }
  return -1;
}

/** The bytes of a short piece of ASCII text; undefined for any other event. */
export function textBytes({ event }: GenerateResponse): Uint8Array | undefined {
  if (event.case !== "delta") return undefined;
  const { choice, text, tokens, tokenTexts } = event.value;
  const choiceBytes = choice === 0 ? 0 : 2;
  const length = choiceBytes + 2 + text.length;
  if (choice >= ONE_BYTE || length >= ONE_BYTE || tokens.length + tokenTexts.length > 0 || text === "")
    return undefined;
  const bytes = new Uint8Array(2 + length);
  bytes[0] = DELTA;
  bytes[1] = length;
  if (choice > 0) {
    bytes[2] = CHOICE;
    bytes[3] = choice;
  }
  let at = 2 + choiceBytes;
  bytes[at++] = TEXT;
  bytes[at++] = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= ONE_BYTE) return undefined;
    bytes[at++] = code;
  }
  return bytes;
}
