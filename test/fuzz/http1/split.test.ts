import { describe, expect, it } from 'vitest';
import { type Outcome, readRequests, readResponses } from './run-codec.ts';
import {
  FIRST_SEED,
  FUZZ_TIMEOUT_MS,
  REQUESTS,
  RESPONSES,
  requestSample,
  responseSample,
  sampleCount,
} from './samples.ts';

/*
 * A message gives the same result however its bytes arrive. Which rule of several refuses it may differ, and so how
 * much of a refused body was delivered before: see HeadScanner and BodyDecoder.
 */

type Read = (pieces: readonly Buffer[]) => Outcome;

function comparable(outcome: Outcome) {
  const refused = outcome.refusal !== null;
  const messages = outcome.messages.map((message) =>
    refused && !message.complete ? { ...message, body: '' } : message,
  );
  return { messages, refused, trailers: outcome.trailers };
}

function checkSplits(text: string, read: Read, seed: number | string): void {
  const buf = Buffer.from(text, 'latin1');
  const whole = comparable(read([buf]));
  for (let at = 1; at < buf.length; at++) {
    const split = comparable(read([buf.subarray(0, at), buf.subarray(at)]));
    expect(split, `seed ${seed}, split at ${at} of ${JSON.stringify(text)}`).toEqual(whole);
  }
  const bytewise = comparable(read(Array.from(buf, (_, at) => buf.subarray(at, at + 1))));
  expect(bytewise, `seed ${seed}, bytewise, ${JSON.stringify(text)}`).toEqual(whole);
}

describe('every message, split at every byte', () => {
  it('valid ones are read as a whole is, and accepted', () => {
    for (const text of REQUESTS) {
      expect(readRequests([Buffer.from(text, 'latin1')]).refusal, text).toBeNull();
      checkSplits(text, readRequests, text);
    }
    for (const [method, text] of RESPONSES) {
      const read: Read = (pieces) => readResponses(pieces, method);
      expect(read([Buffer.from(text, 'latin1')]).refusal, text).toBeNull();
      checkSplits(text, read, text);
    }
  });

  it(
    'changed ones are read, or refused, as a whole is',
    () => {
      for (let n = 0; n < sampleCount(300); n++) {
        const request = requestSample(FIRST_SEED + n);
        checkSplits(request.text, readRequests, request.seed);
        const response = responseSample(FIRST_SEED + n);
        checkSplits(response.text, (pieces) => readResponses(pieces, response.method), response.seed);
      }
    },
    FUZZ_TIMEOUT_MS,
  );
});
