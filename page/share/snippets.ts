/** A call in the words of other programs: whole programs that send exactly this request to the server of this page. */
import type { JsonValue } from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

const SERVICE = "trimtab.gateway.v1.GatewayService";
const GRPC_PORT = 50051;
const KEY = "TRIMTAB_API_KEY";
const PORT_NOTE = `gRPC has a port of its own: ${GRPC_PORT}, unless the server was started with another --grpc-port.`;

/** Names of the languages, as offered. */
export const LANGUAGES = ["curl", "grpcurl", "Python", "TypeScript", "Go"] as const;
/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** The program; `keyed` adds the key of the environment. Undefined where the language cannot make this call. */
export function snippet(language: Language, call: Call, keyed: boolean): string | undefined {
  const writers = { curl, grpcurl, Python: python, TypeScript: typescript, Go: go };
  return writers[language](call, keyed);
}

function curl({ method, streams, request, completion }: Call, keyed: boolean): string | undefined {
  if (!completion && streams) return undefined;
  const path = completion ? "/v1/chat/completions" : `/${SERVICE}/${method}`;
  const body = completion ? { ...completion, stream: true } : request;
  return [
    `curl -N ${location.origin}${path}`,
    "  -H 'content-type: application/json'",
    ...(keyed ? [`  -H "authorization: Bearer $${KEY}"`] : []),
    `  -d ${shellQuoted(json(body))}`,
  ].join(" \\\n");
}

function grpcurl({ method, request }: Call, keyed: boolean): string {
  return [
    `# ${PORT_NOTE}`,
    [
      "grpcurl -plaintext",
      ...(keyed ? [`  -H "authorization: Bearer $${KEY}"`] : []),
      `  -d ${shellQuoted(json(request))}`,
      `  ${grpcAddress()} ${SERVICE}/${method}`,
    ].join(" \\\n"),
  ].join("\n");
}

function python(call: Call, keyed: boolean): string {
  return call.completion ? openAiPython(call.completion, keyed) : grpcPython(call, keyed);
}

function openAiPython(completion: Exclude<Call["completion"], undefined>, keyed: boolean): string {
  const { steering, scaling, ...body } = completion;
  const fields = Object.entries(body).map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  const extra = { ...(steering ? { steering } : {}), ...(scaling ? { scaling } : {}) };
  return [
    ...(keyed ? ["import os"] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${location.origin}/v1", api_key=${keyed ? `os.environ["${KEY}"]` : '"none"'})`,
    "answer = client.chat.completions.create(",
    ...fields,
    ...(Object.keys(extra).length > 0 ? [`    extra_body=${pythonValue(extra)},`] : []),
    ")",
    "for choice in answer.choices:",
    "    print(choice.message.content)",
  ].join("\n");
}

function grpcPython({ method, streams, request }: Call, keyed: boolean): string {
  const metadata = keyed ? `, metadata=[("authorization", "Bearer " + os.environ["${KEY}"])]` : "";
  return [
    `# Runs in examples/python, whose stubs.py makes the generated code. ${PORT_NOTE}`,
    ...(keyed ? ["import os"] : []),
    "import grpc",
    "import stubs",
    "from google.protobuf.json_format import ParseDict",
    "from trimtab.gateway.v1 import gateway_service_pb2 as pb",
    "from trimtab.gateway.v1 import gateway_service_pb2_grpc as rpc",
    "",
    `gateway = rpc.GatewayServiceStub(grpc.insecure_channel("${grpcAddress()}"))`,
    `request = ParseDict(${pythonValue(request)}, pb.${method}Request())`,
    ...(streams
      ? [`for answer in gateway.${method}(request${metadata}):`, "    print(answer)"]
      : [`print(gateway.${method}(request${metadata}))`]),
  ].join("\n");
}

function typescript({ method, streams, request }: Call, keyed: boolean): string {
  const schema = `${method}RequestSchema`;
  const name = method[0]?.toLowerCase() + method.slice(1);
  const options = keyed ? `, { headers: { authorization: \`Bearer \${process.env.${KEY}}\` } }` : "";
  return [
    "// Runs in examples/typescript, after `npx buf generate`.",
    'import { fromJson } from "@bufbuild/protobuf";',
    'import { createClient } from "@connectrpc/connect";',
    'import { createConnectTransport } from "@connectrpc/connect-web";',
    `import { GatewayService, ${schema} } from "./gen/trimtab/gateway/v1/gateway_service_pb";`,
    "",
    `const transport = createConnectTransport({ baseUrl: "${location.origin}" });`,
    "const gateway = createClient(GatewayService, transport);",
    `const request = fromJson(${schema}, ${json(request)});`,
    ...(streams
      ? [`for await (const answer of gateway.${name}(request${options})) console.log(answer);`]
      : [`console.log(await gateway.${name}(request${options}));`]),
  ].join("\n");
}

function go({ method, streams, request }: Call, keyed: boolean): string {
  const call = `gatewayv1.NewGatewayServiceClient(connection).${method}(ctx, request)`;
  const print = streams
    ? [
        `\tstream, err := ${call}`,
        ...stopOn("err"),
        "\tfor {",
        "\t\tanswer, err := stream.Recv()",
        "\t\tif err == io.EOF {",
        "\t\t\treturn",
        "\t\t}",
        ...stopOn("err").map((line) => `\t${line}`),
        "\t\tfmt.Println(answer)",
        "\t}",
      ]
    : [`\tanswer, err := ${call}`, ...stopOn("err"), "\tfmt.Println(answer)"];
  const imports = ["context", "fmt", ...(streams ? ["io"] : []), "log", ...(keyed ? ["os"] : [])];
  return [
    "// Runs in examples/go, after `npx buf generate ../../proto`.",
    `// ${PORT_NOTE}`,
    ...["package main", "", "import (", ...imports.map((name) => `\t"${name}"`), ""],
    '\t"google.golang.org/grpc"',
    '\t"google.golang.org/grpc/credentials/insecure"',
    ...(keyed ? ['\t"google.golang.org/grpc/metadata"'] : []),
    '\t"google.golang.org/protobuf/encoding/protojson"',
    ...["", '\tgatewayv1 "example/gen/trimtab/gateway/v1"', ")", "", "func main() {"],
    "\tctx := context.Background()",
    ...(keyed
      ? [`\tctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("${KEY}"))`]
      : []),
    "\tsecurity := grpc.WithTransportCredentials(insecure.NewCredentials())",
    `\tconnection, err := grpc.NewClient("${grpcAddress()}", security)`,
    ...stopOn("err"),
    `\trequest := &gatewayv1.${method}Request{}`,
    `\terr = protojson.Unmarshal([]byte(${JSON.stringify(JSON.stringify(request))}), request)`,
    ...stopOn("err"),
    ...print,
    "}",
    "",
  ].join("\n");
}

function stopOn(error: string): string[] {
  return [`\tif ${error} != nil {`, `\t\tlog.Fatal(${error})`, "\t}"];
}

/** JSON is Python, but for its three names. */
function pythonValue(value: JsonValue | undefined): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, part]) => `${JSON.stringify(name)}: ${pythonValue(part)}`)
    .join(", ")}}`;
}

const json = (value: JsonValue): string => JSON.stringify(value, null, 2);
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const grpcAddress = (): string => `${location.hostname}:${GRPC_PORT}`;
