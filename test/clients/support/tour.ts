/** What every program of examples/ does and prints, computed here with the project's own client. */
import { Code, ConnectError } from "@connectrpc/connect";
import { connectGateway } from "../../../cli/src/compose.ts";
import { served } from "../../interop/support/shared.ts";

const ask = (content: string, maxTokens: number, temperature: number) => ({
  prompt: { case: "conversation" as const, value: { messages: [{ role: "user", content }] } },
  maxTokens,
  sampling: { temperature, seed: 0n },
});

/** Where the shared server listens, as the examples read it, and the steering of those that take it as JSON. */
export const environment = {
  TRIMTAB_ADDRESS: `127.0.0.1:${served.grpcPort}`,
  TRIMTAB_URL: `http://127.0.0.1:${served.httpPort}`,
  TRIMTAB_STEERING: '{"direction": "cheerful", "dose": {"relative": 0.02}}',
};

/** Long enough for the first build of a language on a slow machine. */
export const BUILD_MS = 400_000;

/**
 * What a tour prints.
 * @param deadline the language's word for a passed deadline.
 */
export async function expectedTour(deadline: string): Promise<string> {
  const { text, vote, error } = await answers;
  return `${text}\nsearch: ${vote}\nerror: ${error}\ndeadline: ${deadline}\n`;
}

/** The text of the steered chat. */
export const expectedText = async (): Promise<string> => (await answers).text;

const answers = (async () => {
  const client = connectGateway(environment.TRIMTAB_ADDRESS);
  const positive = ["I love this wonderful day!"];
  await client.extractVector({ name: "cheerful", positive, negative: ["I hate this awful day."] });
  const dose = { dose: { case: "relative" as const, value: 0.02 } };
  const steering = { use: { direction: "cheerful", dose } };
  const chat = await client.complete({ spec: { ...ask("How was your day?", 32, 0), steering } });
  const unsteered = await client.complete({ spec: ask("How was your day?", 32, 0) });
  const text = chat.choices[0]?.text ?? "";
  if (text === unsteered.choices[0]?.text) throw new Error("the steering of the tour changes nothing");
  const scaling = { strategy: "self-consistency", budget: { candidates: 4 } };
  const { search } = await client.complete({ spec: { ...ask("What is 3 + 4?", 32, 0.5), scaling } });
  const refused = await client.complete({ spec: ask("Hello", 8, 9) }).catch(ConnectError.from);
  if (!(refused instanceof ConnectError) || refused.code !== Code.InvalidArgument)
    throw new Error("not refused");
  const best = search?.answers[0];
  return {
    text,
    vote: `${best?.answer} with ${best?.votes} votes`,
    error: "FIELD_OUT_OF_RANGE in sampling.temperature",
  };
})();
