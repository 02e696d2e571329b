import { METHODS } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeServer } from './node-server.ts';
import { type Message, readRequests } from './run-codec.ts';
import {
  comparableBytes,
  FIRST_SEED,
  FUZZ_TIMEOUT_MS,
  REQUESTS,
  requestSample,
  sampleCount,
} from './samples.ts';

/*
 * Never more lenient than Node's own parser in strict mode: every request that the codec accepts, Node accepts, with the
 * same method, target, fields and body. Not compared: methods that Node does not list.
 */

/** Follows each sample: a body that ends elsewhere than Node thinks would swallow or spoil it. */
const NEXT = 'GET /next HTTP/1.1\r\nHost: next.example\r\n\r\n';

const server = new NodeServer();
beforeAll(() => server.listen());
afterAll(() => server.close());

/** The messages up to the first with a method that Node does not know. */
function known(messages: readonly Message[]): Message[] {
  const end = messages.findIndex(({ start }) => !METHODS.includes(start.split(' ')[0]!));
  return end === -1 ? [...messages] : messages.slice(0, end);
}

async function compare(text: string, seed: number | string): Promise<number> {
  const bytes = comparableBytes(text + NEXT);
  const accepted = known(readRequests([bytes]).messages);
  if (accepted.length === 0) return 0;
  const node = await server.read(bytes);
  const seen = node.messages.slice(0, accepted.length);
  // Of a body that is refused or cut, either may have delivered more before.
  for (const [at, message] of accepted.entries()) {
    if (!message.complete && seen[at] !== undefined) {
      const [shorter, longer] = [seen[at].body, message.body].sort((a, b) => a.length - b.length);
      expect(longer!.startsWith(shorter!), `seed ${seed}: ${JSON.stringify(text)}`).toBe(true);
      Object.assign(seen[at], { body: message.body, complete: false });
    }
  }
  expect(seen, `seed ${seed}, Node says ${node.error}: ${JSON.stringify(text)}`).toEqual(accepted);
  return accepted.length;
}

describe("requests, beside Node's parser", () => {
  it('valid ones are the same', async () => {
    for (const text of REQUESTS) expect(await compare(text, text), text).toBeGreaterThan(0);
  });

  it(
    'changed ones that the codec accepts are the same',
    async () => {
      let compared = 0;
      const count = sampleCount(6000);
      for (let n = 0; n < count; n++) {
        const { seed, text } = requestSample(FIRST_SEED + n);
        compared += await compare(text, seed);
      }
      // Else the mutations are too wild to show anything.
      expect(compared).toBeGreaterThan(count / 4);
    },
    FUZZ_TIMEOUT_MS,
  );
});
