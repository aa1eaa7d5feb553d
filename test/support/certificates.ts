/** A private authority, certificates of it, and one of a stranger, made for one test by openssl and thrown away with it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PEM files of one holder. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What a test has. */
export interface Certificates {
  /** A certificate of the authority, for localhost and 127.0.0.1. */
  readonly service: CertificateFiles;
  /** A certificate of another authority, which believes the first. */
  readonly stranger: CertificateFiles;
  /** One of the authority that has expired. */
  readonly expired: CertificateFiles;
  /** Contents of a holder's files. */
  read(files: CertificateFiles): { cert: Buffer; key: Buffer; ca: Buffer };
  remove(): void;
}

const EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes them; undefined where there is no openssl. */
export function makeCertificates(): Certificates | undefined {
  if (Bun.which("openssl") === null) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "trimtab-certificates-"));
  const at = (name: string): string => join(directory, name);
  const run = (...args: string[]): void => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: directory });
    if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${stderr.toString()}`);
  };
  writeFileSync(at("extensions"), EXTENSIONS);
  const authority = (name: string): void =>
    run(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    );
  const holder = (name: string, of: string, ...validity: string[]): CertificateFiles => {
    run("req", ...NEW_KEY, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const signer = ["-CA", `${of}.pem`, "-CAkey", `${of}.key`, "-CAcreateserial"];
    run(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...signer,
      ...validity,
      "-extfile",
      "extensions",
      "-out",
      `${name}.pem`,
    );
    return { cert: at(`${name}.pem`), key: at(`${name}.key`), ca: at("authority.pem") };
  };
  authority("authority");
  authority("other");
  return {
    service: holder("service", "authority", "-days", "2"),
    stranger: holder("stranger", "other", "-days", "2"),
    expired: holder("expired", "authority", "-days", "-1"),
    read: ({ cert, key, ca }) => ({ cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
