/**
 * The schema of the conformance suite, read at run time from the descriptors its Go module is built to (`TRIMTAB_CONFORMANCE`):
 * no copy of it is kept here. Messages are dynamic, hence the loose types.
 */
import { createFileRegistry, type DescMessage, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readFileSync } from "node:fs";

const PACKAGE = "connectrpc.conformance.v1";
const path = process.env["TRIMTAB_CONFORMANCE"];
if (path === undefined) throw new Error("TRIMTAB_CONFORMANCE names the descriptor set of the suite");

/** Every message of the suite. */
export const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path)));

/** A dynamic message. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Dynamic = any;

/** A message of the suite by its short name. */
export function messageOf(name: string): DescMessage {
  const found = registry.getMessage(`${PACKAGE}.${name}`);
  if (!found) throw new Error(`the suite has no message ${name}`);
  return found;
}

/** The service under test. */
export function serviceOf(name = `${PACKAGE}.ConformanceService`): DescService {
  const found = registry.getService(name);
  if (!found) throw new Error(`the suite has no service ${name}`);
  return found;
}

/** Headers in the form of the suite. */
export function headersOf(headers: Headers): Dynamic[] {
  const names = [...new Set([...headers.keys()])];
  return names.map((name) => ({ name, value: (headers.get(name) ?? "").split(", ") }));
}
