/**
 * Server reflection v1 and v1alpha over the descriptors that generated code carries, for `buf curl` and grpcurl.
 * Source: the published reflection protocol; both versions are the same messages under two package names.
 */
import { type DescFile, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "#proto/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "#proto/grpc/reflection/v1alpha/reflection_pb.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;
type Question = Pick<ServerReflectionRequest, "host" | "messageRequest">;

/** Routes that describe `services` and reflection itself. */
export function createReflection(services: readonly DescService[]): (router: ConnectRouter) => void {
  const described = [...services, ServerReflection, ServerReflectionAlpha];
  const index = indexFiles(described);
  async function* answerAll(requests: AsyncIterable<Question>) {
    for await (const request of requests) {
      yield {
        validHost: request.host,
        originalRequest: request as ServerReflectionRequest,
        messageResponse: answer(request.messageRequest, described, index),
      };
    }
  }
  return (router) => {
    router.service(ServerReflection, { serverReflectionInfo: answerAll });
    // The alpha messages have the same fields; only their type names differ.
    router.service(ServerReflectionAlpha, { serverReflectionInfo: answerAll as never });
  };
}

interface FileIndex {
  readonly byName: ReadonlyMap<string, DescFile>;
  readonly bySymbol: ReadonlyMap<string, DescFile>;
  readonly byExtension: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
}

function indexFiles(services: readonly DescService[]): FileIndex {
  const byName = new Map<string, DescFile>();
  for (const service of services) collect(service.file, byName);
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, Map<number, DescFile>>();
  for (const file of byName.values()) {
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      if (type.kind === "extension") {
        const numbers = byExtension.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        byExtension.set(type.extendee.typeName, numbers.set(type.number, file));
      } else if (type.kind === "message") {
        for (const field of type.fields) bySymbol.set(`${type.typeName}.${field.name}`, file);
      } else if (type.kind === "enum") {
        for (const value of type.values) bySymbol.set(`${type.typeName}.${value.name}`, file);
      } else {
        for (const method of type.methods) bySymbol.set(`${type.typeName}.${method.name}`, file);
      }
    }
  }
  return { byName, bySymbol, byExtension };
}

/** Adds `file` and what it imports, dependencies last, by the name used in import statements. */
function collect(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.proto.name)) return;
  into.set(file.proto.name, file);
  for (const dependency of file.dependencies) collect(dependency, into);
}

function answer(
  question: ServerReflectionRequest["messageRequest"],
  services: readonly DescService[],
  index: FileIndex,
): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: services.map((service) => ({ name: service.typeName })) },
      };
    case "fileByFilename":
      return files(index.byName.get(question.value), question.value);
    case "fileContainingSymbol":
      return files(index.bySymbol.get(question.value.replace(/^\./, "")), question.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      return files(index.byExtension.get(containingType)?.get(extensionNumber), containingType);
    }
    case "allExtensionNumbersOfType": {
      const numbers = [...(index.byExtension.get(question.value)?.keys() ?? [])];
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber: numbers },
      };
    }
    default:
      return refuse(Code.InvalidArgument, "the request names nothing");
  }
}

function files(file: DescFile | undefined, wanted: string): Answer {
  if (!file) return refuse(Code.NotFound, `not found: ${wanted.slice(0, 200)}`);
  const closure = new Map<string, DescFile>();
  collect(file, closure);
  const encoded = [...closure.values()].map((part) => toBinary(FileDescriptorProtoSchema, part.proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: encoded } };
}

function refuse(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
