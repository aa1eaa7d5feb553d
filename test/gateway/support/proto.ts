/** Types the simulated services share, under one import. */
export {
  type Activation,
  OperationKind,
  type Program,
  ProgramSchema,
  Scope,
  Site,
} from "#proto/trimtab/type/v1/program_pb.ts";
export { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
