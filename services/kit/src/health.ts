/** grpc.health.v1: Check, List and Watch over a table of service names; "" is the whole server. */
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "#proto/health/v1/health_pb.ts";

/** Health of one server. */
export interface HealthTable {
  readonly routes: (router: ConnectRouter) => void;
  /** Sets one service, or the whole server with "". Ignored after {@link shutdown}. */
  set(service: string, serving: boolean): void;
  isServing(service?: string): boolean;
  /** Everything becomes NOT_SERVING for good. */
  shutdown(): void;
}

/** Creates the table with `services` and "" as NOT_SERVING until `set`. */
export function createHealth(services: readonly string[]): HealthTable {
  const table = new Map<string, Status>(["", ...services].map((name) => [name, Status.NOT_SERVING]));
  const watchers = new Set<() => void>();
  let isShutDown = false;
  const change = (service: string, status: Status) => {
    table.set(service, status);
    for (const wake of watchers) wake();
  };
  async function* watch(service: string, signal: AbortSignal): AsyncIterable<{ status: Status }> {
    let last: Status | undefined;
    while (!signal.aborted) {
      const status = table.get(service) ?? Status.SERVICE_UNKNOWN;
      if (status !== last) yield { status };
      last = status;
      if ((table.get(service) ?? Status.SERVICE_UNKNOWN) === last) await nextChange(signal);
    }
  }
  function nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      watchers.add(wake);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  }
  return {
    routes: (router) =>
      void router.service(Health, {
        check({ service }) {
          const status = table.get(service);
          if (status === undefined) throw new ConnectError("unknown service", Code.NotFound);
          return { status };
        },
        list: () => ({
          statuses: Object.fromEntries([...table].map(([name, status]) => [name, { status }])),
        }),
        watch: ({ service }, context) => watch(service, context.signal),
      }),
    set(service, serving) {
      if (!isShutDown) change(service, serving ? Status.SERVING : Status.NOT_SERVING);
    },
    isServing: (service = "") => table.get(service) === Status.SERVING,
    shutdown() {
      isShutDown = true;
      for (const service of table.keys()) change(service, Status.NOT_SERVING);
    },
  };
}
