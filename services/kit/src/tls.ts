/**
 * Mutual TLS between services: each shows a certificate of one private authority and refuses peers that have none of it.
 * Files are read once, at the start of a process; TLS 1.3 only. Cost: one handshake a connection.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { TrimtabError } from "./errors.ts";
import { readRegularFile } from "./files.ts";
import { TLS_LIMITS } from "./limits.ts";

/** Names of PEM files. */
export interface TlsFiles {
  /** Certificate of this service, with intermediate ones after it. */
  readonly cert?: string | undefined;
  /** Its private key. */
  readonly key?: string | undefined;
  /** The authority that signs every service's certificate. */
  readonly ca?: string | undefined;
}

/** Who this service is, and whom it believes. PEM. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** Options of a TLS socket, of either side. */
export interface TlsSocketOptions extends TlsIdentity {
  readonly minVersion: "TLSv1.3";
  readonly requestCert: true;
  readonly rejectUnauthorized: true;
}

/**
 * Reads the files; without any there is no TLS. @throws TrimtabError INVALID_ARGUMENT for a part of the three, for files that
 * are not there or no PEM, and for a key that is another certificate's.
 */
export function readTls(files: TlsFiles): TlsIdentity | undefined {
  const names = [files.cert, files.key, files.ca];
  if (names.every((name) => name === undefined)) return undefined;
  const [cert, key, ca] = (["cert", "key", "ca"] as const).map((part) => readPart(part, files[part]));
  if (!cert || !key || !ca)
    throw problem("cert", "a certificate, its key and an authority are needed together");
  const own = check("cert", () => new X509Certificate(cert));
  check("ca", () => new X509Certificate(ca));
  const secret = check("key", () => createPrivateKey(key));
  if (!own.checkPrivateKey(secret)) throw problem("key", "the key is not that of the certificate");
  return { cert, key, ca };
}

/** What both ends of a connection use: the peer must show a certificate of the authority. */
export function tlsSocketOptions({ cert, key, ca }: TlsIdentity): TlsSocketOptions {
  return { cert, key, ca, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true };
}

function readPart(part: keyof TlsFiles, name: string | undefined): Buffer | undefined {
  if (name === undefined) return undefined;
  return check(part, () => Buffer.from(readRegularFile(name, { maxBytes: TLS_LIMITS.fileBytes })));
}

function check<T>(part: keyof TlsFiles, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw problem(part, "no PEM file that could be read", cause);
  }
}

function problem(part: keyof TlsFiles, message: string, cause?: unknown): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", message, { field: `--tls-${part}`, cause });
}
