import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeClient } from './node-client.ts';
import { readResponses } from './run-codec.ts';
import {
  comparableBytes,
  FIRST_SEED,
  FUZZ_TIMEOUT_MS,
  RESPONSES,
  responseSample,
  sampleCount,
} from './samples.ts';

/*
 * Never more lenient than Node's own parser in strict mode: every response that the codec accepts, Node's client accepts, with
 * the same status, reason, fields and body.
 */

const client = new NodeClient();
beforeAll(() => client.listen());
afterAll(() => client.close());

async function compare(method: string, text: string, seed: number | string): Promise<number> {
  const bytes = comparableBytes(text);
  const { messages } = readResponses([bytes], method);
  // A body that was refused, or is cut, is an error to both; Node says so later.
  const accepted = messages.filter((message) => message.complete);
  if (accepted.length === 0) return 0;
  const node = await client.read(bytes, method);
  const context = `seed ${seed}, ${method}, Node says ${node.error}: ${JSON.stringify(text)}`;
  expect(node.messages.slice(0, accepted.length), context).toEqual(accepted);
  return accepted.length;
}

describe("responses, beside Node's parser", () => {
  it('valid ones are the same', async () => {
    for (const [method, text] of RESPONSES)
      expect(await compare(method, text, text), text).toBeGreaterThan(0);
  });

  it(
    'changed ones that the codec accepts are the same',
    async () => {
      let compared = 0;
      const count = sampleCount(6000);
      for (let n = 0; n < count; n++) {
        const { seed, method, text } = responseSample(FIRST_SEED + n);
        compared += await compare(method, text, seed);
      }
      // Else the mutations are too wild to show anything.
      expect(compared).toBeGreaterThan(count / 4);
    },
    FUZZ_TIMEOUT_MS,
  );
});
