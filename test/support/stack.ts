/** All services of one model in this process, wired by in-memory transports: for tests and measurements. */
import { type Connection, connectTo } from "#kit/clients.ts";
import { createArtifactStore } from "#kit/artifact-store.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createForwardService } from "../../services/forward/index.ts";
import { createSteeringService } from "../../services/steering/index.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";
import { createVerifierService } from "../../services/verifier/index.ts";

/** What a stack is made of. */
export interface StackOptions {
  /** Model file; the default model if not given. */
  readonly modelPath?: string;
  /** Directory of the artifact store. */
  readonly storeDir: string;
  readonly threads?: number;
  readonly recipesDir?: string;
}

/** Clients of running services. */
export interface Stack {
  readonly tokenizer: ReturnType<typeof clientsOf>["tokenizer"];
  readonly forward: ReturnType<typeof clientsOf>["forward"];
  readonly verifier: ReturnType<typeof clientsOf>["verifier"];
  readonly steering: ReturnType<typeof clientsOf>["steering"];
  /** SHA-256 of the model file, hex. */
  readonly modelDigest: string;
  close(): Promise<void>;
}

/** Starts the services. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const modelPath = options.modelPath ?? defaultModelPath();
  const tokenizerRoom = await createTokenizerService({ modelPath });
  const forwardRoom = await createForwardService({
    modelPath,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const connections = {
    tokenizer: connectTo({ routes: tokenizerRoom.routes }),
    forward: connectTo({ routes: forwardRoom.routes }),
  };
  const tokenizer = connections.tokenizer.client(TokenizerService);
  const forward = connections.forward.client(ForwardService);
  const verifierRoom = createVerifierService({ clients: { tokenizer, forward } });
  const verifier = connectTo({ routes: verifierRoom.routes });
  const steeringRoom = createSteeringService({
    clients: { tokenizer, forward, verifier: verifier.client(VerifierService) },
    store: createArtifactStore(options.storeDir),
    ...(options.recipesDir === undefined ? {} : { recipesDir: options.recipesDir }),
  });
  const clients = clientsOf({
    ...connections,
    verifier,
    steering: connectTo({ routes: steeringRoom.routes }),
  });
  const { model } = await clients.forward.getModel({});
  return {
    ...clients,
    modelDigest: model?.digest ?? "",
    async close() {
      await steeringRoom.close();
      await verifierRoom.close();
      await forwardRoom.close();
      await tokenizerRoom.close();
    },
  };
}

function clientsOf(connections: Record<"tokenizer" | "forward" | "verifier" | "steering", Connection>) {
  return {
    tokenizer: connections.tokenizer.client(TokenizerService),
    forward: connections.forward.client(ForwardService),
    verifier: connections.verifier.client(VerifierService),
    steering: connections.steering.client(SteeringService),
  };
}
