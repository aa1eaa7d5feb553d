/** gRPC below the client libraries: whole requests with bytes of our choice, and single HTTP/2 frames on a bare socket. */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";

/** What came back for one call; an absent status means that the stream was reset. */
export interface RawAnswer {
  readonly http: number | undefined;
  readonly grpc: number | undefined;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A path of the echo service. */
export const ENCODE = "/trimtab.tokenizer.v1.TokenizerService/Encode";
/** Headers of a call of it. */
export const CALL_HEAD = {
  ":method": "POST",
  ":path": ENCODE,
  "content-type": "application/grpc",
  te: "trailers",
};

/** A request message behind its five bytes of envelope. */
export function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Opens an HTTP/2 connection that reports nothing by itself. */
export function openSession(port: number, settings = {}): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings });
  session.on("error", () => undefined);
  return session;
}

/** Sends one call with exactly these headers and bytes. */
export async function rawCall(
  port: number,
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[]>> = {},
): Promise<RawAnswer> {
  const session = openSession(port);
  try {
    return await callOn(session, body, headers);
  } finally {
    session.destroy();
  }
}

/** The same on a connection that is open. */
export function callOn(
  session: ClientHttp2Session,
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[]>> = {},
): Promise<RawAnswer> {
  const head = { ...CALL_HEAD, ...headers };
  return new Promise((resolve) => {
    const stream = session.request(head);
    const seen: Record<string, string> = {};
    const note = (fields: Record<string, unknown>): void => {
      for (const [name, value] of Object.entries(fields)) seen[name] = String(value);
    };
    stream.on("error", () => undefined);
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("close", () => {
      const number = (name: string) => (seen[name] === undefined ? undefined : Number(seen[name]));
      const message = decodeURIComponent(seen["grpc-message"] ?? "");
      resolve({ http: number(":status"), grpc: number("grpc-status"), message, headers: seen });
    });
    stream.resume();
    stream.end(body);
  });
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Types of frames. */
export const FRAME = {
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

/** One frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block of literals that no table remembers. */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

/** A connection that says only what it is told to; `closed` resolves when the server ends it. */
export interface BareConnection {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** Types of the frames that came back. */
  readonly received: number[];
}

/** Opens a bare connection; `preface` false sends nothing at all. */
export async function openBare(
  port: number,
  preface: "whole" | "half" | "none" = "whole",
): Promise<BareConnection> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  const received: number[] = [];
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      received.push(rest.readUInt8(3));
      rest = rest.subarray(9 + rest.readUIntBE(0, 3));
    }
  });
  await new Promise((done) => socket.once("connect", done));
  if (preface === "half") socket.write(PREFACE.slice(0, 10));
  if (preface === "whole") socket.write(Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0)]));
  return { socket, closed, received };
}
