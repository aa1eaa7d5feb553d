/** Where the gateway listens unless told otherwise. */

/** Native gRPC. */
export const DEFAULT_GRPC_PORT = 50051;
/** OpenAI-compatible HTTP, Connect and gRPC-Web. */
export const DEFAULT_HTTP_PORT = 8080;
