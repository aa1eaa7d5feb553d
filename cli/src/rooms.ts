/**
 * The services as rooms of one house: each is made from the connections it may call, and gives routes.
 * Who may call whom: gateway → all; steering → tokenizer, forward, verifier; verifier → tokenizer, forward.
 */
import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { createGateway } from "../../gateway/index.ts";
import { createForwardService } from "../../services/forward/index.ts";
import { createSteeringService } from "../../services/steering/index.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";
import { createVerifierService } from "../../services/verifier/index.ts";
import { createArtifactStore } from "#kit/artifact-store.ts";
import type { KeyGate } from "#kit/auth.ts";
import type { Connection } from "#kit/clients.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { createMetrics, type Metrics } from "#kit/metrics.ts";
import { ownRecipesDir, storeDir } from "#kit/paths.ts";
import type { WebApp } from "#kit/server.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createLoadProgress } from "./view/load-progress.ts";
import { type EngineFlags, toForwardOptions } from "./engine-options.ts";

/** Names of the services. */
export const ROOM_NAMES = ["tokenizer", "forward", "verifier", "steering", "gateway"] as const;

/** A service by name. */
export type RoomName = (typeof ROOM_NAMES)[number];

/** What a service calls. */
export const CALLS: Readonly<Record<RoomName, readonly RoomName[]>> = {
  tokenizer: [],
  forward: [],
  verifier: ["tokenizer", "forward"],
  steering: ["tokenizer", "forward", "verifier"],
  gateway: ["tokenizer", "forward", "steering", "verifier"],
};

/** Its schema. */
export const SCHEMAS = {
  tokenizer: TokenizerService,
  forward: ForwardService,
  verifier: VerifierService,
  steering: SteeringService,
  gateway: GatewayService,
} as const satisfies Record<RoomName, DescService>;

/** A service ready to be mounted. */
export interface Room {
  readonly routes: (router: ConnectRouter) => void;
  /** Pages and the OpenAI API; the gateway's only. */
  readonly app?: WebApp;
  /** Where the room counts; the server exposes them. */
  readonly metrics?: Metrics;
  /** Whether it could serve now; absent: as long as it runs. */
  readonly ready?: () => Promise<boolean>;
  /** Resolves when the room can serve no more and its process should end. */
  readonly broken?: Promise<unknown>;
  close(): Promise<void> | void;
}

/** What the services are made from. */
export interface RoomOptions {
  /** The model, or several. */
  readonly modelPath: string | readonly string[];
  /** Absent: the model as it is. */
  readonly quantize?: QuantizedType | undefined;
  readonly threads: number | "auto";
  readonly engine?: EngineFlags;
  /** File in which tokenizer or forward keeps which models are loaded. */
  readonly loadedFile?: string | undefined;
  /** Let callers of different keys find each other's prefixes. */
  readonly sharedPrefixes?: boolean;
  /** Whose keys the gateway takes. */
  readonly gate?: KeyGate | undefined;
  /** Open connections to the services the room calls. */
  readonly connections: Partial<Record<RoomName, Connection>>;
}

/** Makes one service. */
export async function createRoom(name: RoomName, options: RoomOptions): Promise<Room> {
  const { modelPath, quantize = null, threads, loadedFile, sharedPrefixes = false } = options;
  const client = <N extends RoomName>(room: N) => connectionOf(options, room).client(SCHEMAS[room]);
  const kept = loadedFile === undefined ? {} : { loadedFile };
  switch (name) {
    case "tokenizer":
      return await createTokenizerService({ modelPath, quantize, ...kept });
    case "forward":
      return await createForwardService({
        modelPath,
        quantize,
        threads,
        ...toForwardOptions(options.engine ?? {}),
        ...kept,
        onProgress: createLoadProgress(),
      });
    case "verifier":
      return createVerifierService({
        clients: { tokenizer: client("tokenizer"), forward: client("forward") },
        store: createArtifactStore(storeDir()),
      });
    case "steering":
      return await createSteeringService({
        clients: { tokenizer: client("tokenizer"), forward: client("forward"), verifier: client("verifier") },
        store: createArtifactStore(storeDir()),
        ownRecipesDir: ownRecipesDir(),
      });
    case "gateway": {
      const metrics = createMetrics("gateway");
      const clients = {
        tokenizer: client("tokenizer"),
        forward: client("forward"),
        steering: client("steering"),
        verifier: client("verifier"),
      };
      return { ...createGateway({ clients, metrics, sharedPrefixes, gate: options.gate }), metrics };
    }
  }
}

function connectionOf(options: RoomOptions, room: RoomName): Connection {
  const connection = options.connections[room];
  if (!connection) throw new Error(`no connection to ${room}: this is a bug of the composition`);
  return connection;
}
