/** TLS between services: who shows a certificate of the authority is served, by our client and by grpc-js; nobody else is. */
import { toBinary } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import { type Server, startServer } from "#kit/server.ts";
import { readTls, type TlsIdentity } from "#kit/tls.ts";
import {
  EncodeRequestSchema,
  EncodeResponseSchema,
  TokenizerService,
} from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { type Certificates, makeCertificates } from "../../support/certificates.ts";
import { createEcho, ECHO_SERVICES } from "./echo.ts";

const made = makeCertificates();
if (!made) console.log("skipped: TLS between services needs openssl for its certificates");
let server: Server;

beforeAll(async () => {
  if (!made) return;
  const { routes } = createEcho();
  const tls = readTls(made.service);
  server = await startServer({
    name: "echo",
    services: ECHO_SERVICES,
    routes,
    grpc: {},
    internal: true,
    tls,
  });
});
afterAll(async () => {
  await server?.close({ graceMs: 0 });
  made?.remove();
});

/** What our client gets as whoever it says it is. */
async function ask(tls: TlsIdentity | undefined): Promise<string> {
  const connection = connectTo({ address: `127.0.0.1:${server.grpcPort}` }, { tls });
  const outcome = await connection
    .client(TokenizerService)
    .encode({ texts: ["echo"] }, { timeoutMs: 5_000 })
    .then(
      () => "ok",
      (error: unknown) => fromConnectError(error).reason,
    );
  connection.close();
  return outcome;
}

/** The same by grpc-js. */
function askForeign(channel: ChannelCredentials): Promise<string> {
  const client = new Client(`localhost:${server.grpcPort}`, channel);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      "/trimtab.tokenizer.v1.TokenizerService/Encode",
      (value: object) => Buffer.from(toBinary(EncodeRequestSchema, create(EncodeRequestSchema, value))),
      (bytes) => fromBinary(EncodeResponseSchema, bytes),
      { texts: ["echo"] },
      (error) => {
        client.close();
        resolve(error ? (status[error.code] ?? "") : "ok");
      },
    );
  });
}

test.skipIf(!made)("a certificate of the authority is served, by our client and by grpc-js", async () => {
  const { read, service } = made as Certificates;
  const { cert, key, ca } = read(service);
  expect(await ask({ cert, key, ca })).toBe("ok");
  expect(await askForeign(credentials.createSsl(ca, key, cert))).toBe("ok");
});

test.skipIf(!made)(
  "no certificate, a stranger's, an expired one or clear text: UNAVAILABLE, no call begins",
  async () => {
    const { read, stranger, expired, service } = made as Certificates;
    const { ca } = read(service);
    for (const who of [stranger, expired]) {
      const { cert, key } = read(who);
      expect(await ask({ cert, key, ca })).toMatch(/UNAVAILABLE$/);
      expect(await askForeign(credentials.createSsl(ca, key, cert))).toBe("UNAVAILABLE");
    }
    expect(await askForeign(credentials.createSsl(ca))).toBe("UNAVAILABLE");
    expect(await ask(undefined)).toMatch(/UNAVAILABLE$/);
    expect(await askForeign(credentials.createInsecure())).toBe("UNAVAILABLE");
  },
);

test.skipIf(!made)("a server of another authority is not believed", async () => {
  const { read, stranger, service } = made as Certificates;
  const { cert, key } = read(service);
  expect(await ask({ cert, key, ca: read(stranger).cert })).toMatch(/UNAVAILABLE$/);
});

test.skipIf(!made)(
  "files that are none, a part of the three, and another certificate's key are refused by name",
  () => {
    const { service, stranger } = made as Certificates;
    const fieldOf = (files: Parameters<typeof readTls>[0]): string | undefined => {
      try {
        readTls(files);
        return undefined;
      } catch (error) {
        expect(error).toBeInstanceOf(TrimtabError);
        return (error as TrimtabError).field;
      }
    };
    expect(readTls({})).toBeUndefined();
    expect(fieldOf({ cert: service.cert, key: service.key })).toBe("--tls-cert");
    expect(fieldOf({ ...service, key: stranger.key })).toBe("--tls-key");
    expect(fieldOf({ ...service, ca: service.key })).toBe("--tls-ca");
    expect(fieldOf({ ...service, cert: "/nowhere.pem" })).toBe("--tls-cert");
  },
);
