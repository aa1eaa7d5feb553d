/** Generated messages of the API by package, for building and reading them. */
export * as forward from "../../proto/gen/trimtab/forward/v1/forward_service_pb.ts";
export * as gateway from "../../proto/gen/trimtab/gateway/v1/gateway_service_pb.ts";
export * as steering from "../../proto/gen/trimtab/steering/v1/steering_service_pb.ts";
export * as artifact from "../../proto/gen/trimtab/type/v1/artifact_pb.ts";
export * as generation from "../../proto/gen/trimtab/type/v1/generation_pb.ts";
export * as program from "../../proto/gen/trimtab/type/v1/program_pb.ts";
export * as tensor from "../../proto/gen/trimtab/type/v1/tensor_pb.ts";
export * as verifier from "../../proto/gen/trimtab/verifier/v1/verifier_service_pb.ts";
