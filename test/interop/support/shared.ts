/** The one stack all clients talk to; whoever imports the clients closes it. */
import { serveGateway } from "./served.ts";

/** Running once this module is loaded. */
export const served = await serveGateway();
