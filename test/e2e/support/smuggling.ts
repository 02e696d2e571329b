import { expect } from 'vitest';
import type { Gateway } from './gateway.ts';
import { get, type RawAnswer, rawUntilClose } from './raw-client.ts';
import type { RecordingUpstream, UpstreamRequest } from './upstream.ts';

let counter = 0;

/** A word that stands nowhere else, so that its absence means something. */
export function freshMarker(): string {
  counter++;
  return `marker-${process.pid}-${counter}`;
}

/** The request that an attacker wants the backend to see. */
export function smuggled(marker: string): string {
  return `GET /${marker} HTTP/1.1\r\nHost: shop.test\r\nX-Smuggled: ${marker}\r\n\r\n`;
}

/**
 * Sends one honest request and waits for its answer: what the gateway was going to tell the backend about
 * earlier bytes, it has told by then.
 */
export async function barrier(gateway: Gateway): Promise<void> {
  const answer = await get(gateway.port, '/barrier');
  expect(answer.status, gateway.log).toBe(200);
}

export interface Attack {
  /** Everything that the client sends; the smuggled part carries the marker. */
  readonly bytes: string | readonly string[];
  readonly marker: string;
  readonly methods?: readonly string[];
}

/** One refusal, then the end of the connection, and not one byte of the smuggled part at the backend. */
export async function expectRefused(
  gateway: Gateway,
  upstream: RecordingUpstream,
  attack: Attack,
  statuses: readonly number[],
): Promise<RawAnswer> {
  const answer = await rawUntilClose(gateway.port, attack.bytes, attack.methods);
  expect(
    answer.responses.map((r) => r.status),
    `answers to the attack: ${JSON.stringify(answer.text)}`,
  ).toHaveLength(1);
  expect(statuses).toContain(answer.responses[0]?.status);
  await barrier(gateway);
  expect(upstream.text).not.toContain(attack.marker);
  return answer;
}

/** The request whose target holds `word`; null when none reached the backend. */
export function requestFor(upstream: RecordingUpstream, word: string): UpstreamRequest | null {
  return upstream.requests.find((request) => request.target.includes(word)) ?? null;
}
