// The tour in a browser with connect-web. The page has to come from the server's own origin (a proxy that serves both).
import { createConnectTransport } from "@connectrpc/connect-web";
import { tour } from "./tour.ts";

const output = document.querySelector("pre")!;
await tour(createConnectTransport({ baseUrl: location.origin }), (text) => output.append(text));
output.setAttribute("aria-busy", "false");
