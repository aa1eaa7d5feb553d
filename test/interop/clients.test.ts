/** Libraries of other people against the running gateway, on one stack. Programs in other languages: test/clients. */
import { afterAll } from "bun:test";
import "./clients/grpc-js.ts";
import "./clients/openai-constraints.ts";
import "./clients/openai-python.ts";
import "./clients/openai-sdk.ts";
import "./clients/web.ts";
import { served } from "./support/shared.ts";

afterAll(() => served.close(), 60_000);
