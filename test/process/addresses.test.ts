/** Where a service listens is where it is found, whatever kind of address that is. */
import { expect, test } from "bun:test";
import { addressOf, connectTo, parseTarget } from "#kit/clients.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { startService } from "../../cli/src/compose.ts";

test.each(["127.0.0.1", "localhost", "::1"])(
  "a service that listens on %s is reached there",
  async (host) => {
    const nobody = addressOf(host, 1);
    const service = await startService({
      ...{ service: "verifier", modelPath: [], threads: 1 },
      listen: addressOf(host, 0),
      addresses: { tokenizer: nobody, forward: nobody },
    });
    const connection = connectTo(parseTarget(addressOf(host, service.server.grpcPort)));
    const { verifiers } = await connection.client(VerifierService).listVerifiers({});
    expect(verifiers.length).toBeGreaterThan(0);
    connection.close();
    await service.close();
  },
);
