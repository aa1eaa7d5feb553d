/** Clients of other people against the running gateway: one stack, every client, the same answers. */
import { afterAll } from "bun:test";
import "./clients/examples.ts";
import "./clients/grpc-js.ts";
import "./clients/openai-constraints.ts";
import "./clients/openai-python.ts";
import "./clients/openai-sdk.ts";
import "./clients/web.ts";
import { served } from "./support/shared.ts";

afterAll(() => served.close(), 60_000);
