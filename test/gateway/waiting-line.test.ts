/** What is said to stand before a newcomer is what is served before it, whoever stands where, if nobody comes after it. */
import { expect, test } from "bun:test";
import { BANDS, createWaitingLine, type Waiter } from "../../gateway/src/admission/waiting-line.ts";
import { createRandom } from "../model/strings.ts";

const HISTORIES = 2_000;
const KEYS = ["a", "b", "c"];
const MOST_BEFORE = 20;

test("tokens ahead of a newcomer are those served before it, in any line", () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { below } = createRandom(seed);
    const line = createWaitingLine<Waiter>(KEYS.length);
    const someone = (): Waiter => ({
      ...{ key: KEYS[below(KEYS.length)] ?? "", band: BANDS[below(BANDS.length)] ?? "normal" },
      ...{ hasTime: below(2) === 0, tokens: 1 + below(50) },
    });
    const serve = (): Waiter | undefined => {
      const next = line.next();
      if (next) line.remove(next);
      if (next) line.charge(next, next.tokens);
      return next;
    };
    for (let event = below(MOST_BEFORE); event > 0; event--) {
      if (below(2) === 0) line.add(someone());
      else if (!serve()) line.charge(someone(), 1 + below(50));
    }
    const newcomer = someone();
    const ahead = line.tokensAhead(newcomer);
    line.add(newcomer);
    let served = 0;
    for (let next = serve(); next && next !== newcomer; next = serve()) served += next.tokens;
    expect({ seed, served }).toEqual({ seed, served: ahead });
  }
});
