import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFirstBytes } from './client-hello.ts';

const u16 = (value: number): number[] => [value >> 8, value & 255];
const vector8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const vector16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const extension = (type: number, content: readonly number[]): number[] => [
  ...u16(type),
  ...vector16(content),
];
const serverName = (name: string): number[] =>
  extension(0, vector16([0, ...vector16([...Buffer.from(name, 'latin1')])]));

/** A ClientHello as RFC 8446 section 4.1.2 writes it down. */
function hello(extensions: readonly number[] | null, sessionId: readonly number[] = []): number[] {
  const body = [
    ...[3, 3, ...Array.from({ length: 32 }, (_, at) => at)],
    ...vector8(sessionId),
    ...vector16([0x13, 0x01]),
    ...vector8([0]),
    ...(extensions === null ? [] : vector16(extensions)),
  ];
  return [1, body.length >> 16, ...u16(body.length & 0xffff), ...body];
}

/** In records of at most so many bytes. */
function records(message: readonly number[], size = 16_384): Uint8Array {
  const all: number[] = [];
  for (let at = 0; at < message.length; at += size)
    all.push(22, 3, 1, ...vector16(message.slice(at, at + size)));
  return Uint8Array.from(all);
}

const dnsName = fc
  .array(fc.stringMatching(/^[a-zA-Z0-9-]{1,63}$/), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'));
const other = fc
  .tuple(fc.integer({ min: 1, max: 0xffff }), fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }))
  .map(([type, content]) => extension(type, content));
const wellFormed = fc.record({
  name: fc.option(dnsName),
  before: fc.array(other, { maxLength: 4 }),
  after: fc.array(other, { maxLength: 4 }),
  sessionId: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 32 }),
  size: fc.integer({ min: 1, max: 300 }),
});

describe('a ClientHello', () => {
  test('tells its server name, whatever stands beside it and however it is cut into records', () => {
    fc.assert(
      fc.property(wellFormed, ({ name, before, after, sessionId, size }) => {
        const extensions = [...before.flat(), ...(name === null ? [] : serverName(name)), ...after.flat()];
        const bytes = records(hello(extensions, sessionId), size);
        expect(readFirstBytes(bytes)).toEqual({ kind: 'hello', serverName: name?.toLowerCase() ?? '' });
      }),
    );
  });

  test('is waited for, byte by byte, and what is asked for is never more than there will be', () => {
    fc.assert(
      fc.property(wellFormed, ({ name, sessionId, size }) => {
        const bytes = records(hello(serverName(name ?? 'x'), sessionId), size);
        for (let length = 0; length < bytes.length; length++) {
          const first = readFirstBytes(bytes.subarray(0, length));
          if (first.kind !== 'partial') throw new Error(`${first.kind} after ${length} bytes`);
          expect(first.bytes).toBeGreaterThan(length);
          expect(first.bytes).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('may have no extension, and a name of 255 characters or with a dot at its end', () => {
    expect(readFirstBytes(records(hello(null)))).toEqual({ kind: 'hello', serverName: '' });
    const long = 'B'.repeat(255);
    expect(readFirstBytes(records(hello(serverName(long))))).toEqual({
      kind: 'hello',
      serverName: long.toLowerCase(),
    });
    expect(readFirstBytes(records(hello(serverName('shop.test.'))))).toMatchObject({
      serverName: 'shop.test',
    });
  });

  test.each<[string, ConnectionOptions]>([
    ['TLS 1.3', { servername: 'www.shop.test' }],
    ['TLS 1.2', { servername: 'www.shop.test', maxVersion: 'TLSv1.2' }],
    ['no name', {}],
    ['application protocols', { servername: 'www.shop.test', ALPNProtocols: ['h2', 'http/1.1'] }],
  ])('of OpenSSL is read: %s', async (_, options) => {
    expect(readFirstBytes(await helloOfOpenSsl(options))).toEqual({
      kind: 'hello',
      serverName: options.servername ?? '',
    });
  });
});

describe('what is none', () => {
  const name = serverName('a');
  const broken = (at: number, value: number): number[] => hello(name).with(at, value);

  test.each<[string, Uint8Array, string]>([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'http'],
    ['an alert', Uint8Array.of(21, 3, 1, 0, 2, 1, 0), 'other'],
    ['SSL 2', Uint8Array.of(0x80, 0x2e, 1, 0, 2, 0), 'other'],
    ['a record of another version', Uint8Array.of(22, 2, 0, 0, 1, 1), 'other'],
    ['an empty record', Uint8Array.of(22, 3, 1, 0, 0, 1), 'other'],
    ['a record too long', Uint8Array.of(22, 3, 1, 0xff, 0xff, 1), 'other'],
    ['a ServerHello', records([2, 0, 0, 1, 0]), 'other'],
    ['a session id past the end', records(broken(38, 255)), 'other'],
    ['two names', records(hello(extension(0, vector16([0, 0, 1, 97, 0, 0, 1, 98])))), 'other'],
    ['a name of another kind', records(hello(extension(0, vector16([1, 0, 1, 97])))), 'other'],
    ['a name list that is cut', records(hello(extension(0, [0, 9, 0, 0, 1, 97]))), 'other'],
    ['an extension past the end', records(hello([...u16(5), ...u16(9), 1])), 'other'],
    ['half an extension', records(hello([0])), 'other'],
  ])('%s', (_, bytes, kind) => {
    expect(readFirstBytes(bytes).kind).toBe(kind);
  });

  test('never makes it throw', () => {
    const anything = fc.uint8Array({ maxLength: 200 });
    const almost = fc.tuple(fc.nat(80), fc.nat(255)).map(([at, value]) => {
      const bytes = hello(name);
      return records(at < bytes.length ? bytes.with(at, value) : bytes);
    });
    fc.assert(
      fc.property(fc.oneof(anything, almost), (bytes) => {
        readFirstBytes(bytes);
      }),
      { numRuns: 5_000 },
    );
  });
});

/** The first bytes that Node's client sends. */
async function helloOfOpenSsl(options: ConnectionOptions): Promise<Uint8Array> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ ...options, port, host: '127.0.0.1', rejectUnauthorized: false });
  client.on('error', () => {});
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const chunks: Buffer[] = [];
  do chunks.push(((await once(accepted, 'data')) as [Buffer])[0]);
  while (readFirstBytes(Buffer.concat(chunks)).kind === 'partial');
  client.destroy();
  accepted.destroy();
  server.close();
  return Buffer.concat(chunks);
}
