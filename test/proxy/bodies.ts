import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { afterEach } from 'vitest';
import type { RouteAction } from '../../src/ir/route.ts';
import type { BodyTap } from '../../src/pipeline/body.ts';
import type { BoundPolicy } from '../../src/pipeline/policy.ts';
import { RawClient } from '../e2e/support/raw-client.ts';
import { RecordingUpstream, type UpstreamScript } from '../e2e/support/upstream.ts';
import { type Changes, TestDataPlane } from './data-plane.ts';

/** Parts of the tests of bodies: a gateway with policies of the test's own, a backend that records, raw clients. */
const open: { stop?(): unknown; destroy?(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await (one.destroy?.() ?? one.stop?.());
});

export async function upstream(script?: UpstreamScript): Promise<RecordingUpstream> {
  const made = await RecordingUpstream.start(script);
  open.push(made);
  return made;
}

export async function plane(
  action: RouteAction,
  ports: readonly number[],
  policies: Readonly<Record<string, BoundPolicy>>,
  changes: Changes = {},
): Promise<TestDataPlane> {
  const made = await TestDataPlane.start(action, ports, { ...changes, policies });
  open.unshift(made);
  return made;
}

export async function client(to: TestDataPlane, options?: { paused?: boolean }): Promise<RawClient> {
  const made = await RawClient.connect(to.port, options);
  open.unshift(made);
  return made;
}

/** Changes the case of letters, one stream of many chunks to one of many chunks. */
export function upperCase(): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      done(null, Buffer.from(chunk.toString('latin1').toUpperCase(), 'latin1'));
    },
  });
}

/** Each byte twice. */
export function doubling(): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const twice = Buffer.alloc(chunk.length * 2);
      for (let i = 0; i < chunk.length; i++) twice.fill(chunk[i]!, i * 2, i * 2 + 2);
      done(null, twice);
    },
  });
}

/** What a tap has seen. */
export class Seen implements BodyTap {
  bytes = 0;
  calls = '';
  readonly #hash = createHash('sha256');

  onData(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#hash.update(bytes);
    if (!this.calls.endsWith('data ')) this.calls += 'data ';
  }
  onEnd(): void {
    this.calls += 'end ';
  }
  onAbort(): void {
    this.calls += 'abort ';
  }
  get digest(): string {
    return this.#hash.digest('hex');
  }
}

/** `body` in chunks of `size`. */
export function chunked(body: string, size: number, trailers = ''): string {
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n${trailers}\r\n`;
}

export function post(body: string, ...lines: string[]): string {
  return ['POST /in HTTP/1.1', 'Host: shop.test', `Content-Length: ${body.length}`, ...lines, '', body].join(
    '\r\n',
  );
}

export function postChunked(body: string, size: number, trailers = ''): string {
  return `POST /in HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body, size, trailers)}`;
}
