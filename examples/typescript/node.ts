// The tour over gRPC with connect-node, in Node or Bun. TRIMTAB_ADDRESS: host:port of the server, default localhost:50051.
import { createGrpcTransport } from "@connectrpc/connect-node";
import { tour } from "./tour.ts";

const address = process.env["TRIMTAB_ADDRESS"] ?? "localhost:50051";
await tour(createGrpcTransport({ baseUrl: `http://${address}` }), (text) => process.stdout.write(text));
