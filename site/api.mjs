// The API reference, from the comments of the schema: `buf build` gives the descriptors with their comments, protoplugin (which
// protoc-gen-es is made with) finds the comment of each, and a page a package is written as markdown.

import { execFileSync } from "node:child_process";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { getComments } from "@bufbuild/protoplugin";

const OWN = "trimtab.";

/** Pages by name: `api-gateway`, … with their markdown. */
export function apiPages(root) {
  const buf = ["node_modules/@bufbuild/buf/bin/buf", "build", "-o", "-#format=binpb"];
  const image = execFileSync(process.execPath, buf, { cwd: root, maxBuffer: 64 * 2 ** 20 });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const packages = new Map();
  for (const file of registry.files) {
    const name = file.proto.package;
    if (!name.startsWith(OWN)) continue;
    packages.set(name, [...(packages.get(name) ?? []), file]);
  }
  return [...packages].map(([name, files]) => ({
    name: `api-${name.split(".")[1]}`,
    title: `API: ${name}`,
    markdown: pageOf(name, files),
  }));
}

function pageOf(name, files) {
  const all = (kind) => files.flatMap((file) => file[kind]);
  return [
    `# API: ${name}`,
    "",
    ...all("services").flatMap(serviceLines),
    ...(all("messages").length > 0 ? ["", "## Messages"] : []),
    ...all("messages").flatMap(messageLines),
    ...(all("enums").length > 0 ? ["", "## Enumerations"] : []),
    ...all("enums").flatMap(enumLines),
    "",
  ].join("\n");
}

function serviceLines(service) {
  const rows = service.methods.map((method) => {
    const [input, output] = [link(method.input), link(method.output)];
    const takes = method.methodKind.startsWith("client") || method.methodKind === "bidi_streaming";
    const gives = method.methodKind.endsWith("streaming") && method.methodKind !== "client_streaming";
    return [
      `\`${method.name}\``,
      `${takes ? "stream of " : ""}${input}`,
      `${gives ? "stream of " : ""}${output}`,
      cell(method),
    ];
  });
  return [
    "",
    `## ${service.name}`,
    "",
    comment(service),
    "",
    ...table(["call", "takes", "gives", "what it does"], rows),
  ];
}

function messageLines(message) {
  const rows = message.fields.map((field) => {
    const choice = field.oneof ? `one of \`${field.oneof.name}\`. ` : "";
    return [`\`${field.name}\``, typeOf(field), String(field.number), choice + cell(field)];
  });
  const nested = [
    ...message.nestedMessages.filter((one) => !one.proto.options?.mapEntry).flatMap(messageLines),
    ...message.nestedEnums.flatMap(enumLines),
  ];
  const fields = rows.length > 0 ? table(["field", "type", "number", "meaning"], rows) : ["No fields."];
  return ["", `### ${message.name}`, "", comment(message), "", ...fields, ...nested];
}

function enumLines(one) {
  const rows = one.values.map((value) => [`\`${value.name}\``, String(value.number), cell(value)]);
  return ["", `### ${one.name}`, "", comment(one), "", ...table(["value", "number", "meaning"], rows)];
}

function typeOf(field) {
  const single = (kind) =>
    kind.message ? link(kind.message) : kind.enum ? link(kind.enum) : `\`${SCALARS[kind.scalar]}\``;
  if (field.fieldKind === "list") return `list of ${single(field)}`;
  if (field.fieldKind === "map") return `map of ${single(field)}`;
  return `${single(field)}${field.proto.proto3Optional ? ", optional" : ""}`;
}

/** Numbers of descriptor.proto's field types. */
const SCALARS = {
  ...{ 1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool" },
  ...{ 9: "string", 12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64" },
};

function link(type) {
  const name = type.file.proto.package;
  const label = `\`${type.name}\``;
  if (!name.startsWith(OWN)) return `\`${type.typeName}\``;
  return `[${label}](api-${name.split(".")[1]}.md#${type.name.toLowerCase()})`;
}

function comment(desc) {
  const text = getComments(desc).leading ?? "";
  return escape(
    text
      .split("\n")
      .map((line) => line.replace(/^ /, ""))
      .join("\n")
      .trim(),
  );
}

const cell = (desc) => comment(desc).replaceAll("\n", " ").replaceAll("|", "\\|");
/** Angle brackets are no markup here. */
const escape = (text) => text.replaceAll("<", "\\<");

function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}
