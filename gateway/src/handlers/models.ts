/** Loading and unloading models. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { forwardCall } from "#kit/interceptors.ts";
import { createPushable } from "#kit/streams.ts";
import type { LoadProgress } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  type GatewayService,
  LoadModelResponseSchema,
  UnloadModelResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { GatewayContext } from "../context.ts";

/** Handlers that change what is loaded; as in forward, whoever may call the gateway may, within the allowed directories. */
export function modelHandlers({
  modelChanges,
}: GatewayContext): Pick<ServiceImpl<typeof GatewayService>, "loadModel" | "unloadModel"> {
  return {
    async *loadModel({ source, expectedDigest, quantize }, context) {
      const progress = createPushable<LoadProgress>();
      // A slow reader misses some of it.
      const onProgress = (value: LoadProgress) => void (progress.size === 0 && progress.push(value));
      const { headers } = forwardCall(context);
      const loading = modelChanges.load({ source, expectedDigest, quantize }, headers, onProgress);
      void loading.then(
        () => progress.end(),
        (error: unknown) => progress.fail(error),
      );
      for await (const value of progress) {
        yield create(LoadModelResponseSchema, { event: { case: "progress", value } });
      }
      yield create(LoadModelResponseSchema, { event: { case: "model", value: await loading } });
    },
    async unloadModel({ model }, context) {
      await modelChanges.unload(model, forwardCall(context).headers);
      return create(UnloadModelResponseSchema);
    },
  };
}
