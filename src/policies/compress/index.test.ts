import { randomBytes } from 'node:crypto';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { errorPages } from '../error-pages.ts';
import { responseHeaders } from '../headers/response.ts';
import { ipAccess } from '../ip-access.ts';
import { bindPolicies, exchange, type TestAnswer } from '../testing.ts';
import { compress } from './index.ts';

const SMALL = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `item ${id}` })));
const LARGE = SMALL.repeat(30);
const JSON_TYPE = 'Content-Type: application/json';
const decode = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

const answered = (answer: TestAnswer, accept: string | null = 'gzip', config: object = {}, method = 'GET') =>
  exchange(
    bindPolicies([compress, config]),
    { method, lines: accept === null ? [] : [`Accept-Encoding: ${accept}`] },
    answer,
  );

describe.each(['gzip', 'br', 'zstd'] as const)('%s', (coding) => {
  test.each([
    ['whole', SMALL, [JSON_TYPE]],
    ['streamed', LARGE, [JSON_TYPE]],
    ['of unknown length', LARGE, [JSON_TYPE, 'Transfer-Encoding: chunked']],
    ['events', LARGE, ['Content-Type: text/event-stream', 'Transfer-Encoding: chunked']],
  ])('%s', async (_, body, lines) => {
    const outcome = await answered({ body, lines }, coding);
    expect(outcome.header('content-encoding')).toBe(coding);
    expect(outcome.header('vary')).toBe('Accept-Encoding');
    expect(outcome.answerBody.length).toBeLessThan(body.length);
    expect(decode[coding](outcome.answerBody).toString()).toBe(body);
  });

  test('at every level', async () => {
    for (const level of coding === 'br' ? [0, 11] : coding === 'gzip' ? [1, 9] : [1, 19]) {
      const outcome = await answered({ body: SMALL, lines: [JSON_TYPE] }, coding, {
        levels: { [coding]: level },
      });
      expect(decode[coding](outcome.answerBody).toString()).toBe(SMALL);
    }
  });
});

describe('leaves as it is', () => {
  const cases: [string, TestAnswer, string | null, boolean][] = [
    ['an answer for a client that takes no coding', { body: SMALL, lines: [JSON_TYPE] }, null, true],
    ['… or refuses them', { body: SMALL, lines: [JSON_TYPE] }, 'gzip;q=0', true],
    ['… or likes it better plain', { body: SMALL, lines: [JSON_TYPE] }, 'identity, gzip;q=0.5', true],
    ['a small answer', { body: 'x'.repeat(1023), lines: [JSON_TYPE] }, 'gzip', false],
    ['another type', { body: LARGE, lines: ['Content-Type: image/png'] }, 'gzip', false],
    ['no type', { body: LARGE }, 'gzip', false],
    ['what is encoded', { body: LARGE, lines: [JSON_TYPE, 'Content-Encoding: br'] }, 'gzip', false],
    [
      'gzip named a thousand times',
      { body: LARGE, lines: [JSON_TYPE, `Content-Encoding: ${Array(1000).fill('gzip').join(', ')}`] },
      'gzip',
      false,
    ],
    [
      'what must not be transformed',
      { body: LARGE, lines: [JSON_TYPE, 'Cache-Control: public, no-transform'] },
      'gzip',
      false,
    ],
    [
      'a part',
      { status: 206, body: LARGE, lines: [JSON_TYPE, 'Content-Range: bytes 0-9/20'] },
      'gzip',
      false,
    ],
    [
      'a part by its header',
      { body: LARGE, lines: [JSON_TYPE, 'Content-Range: bytes 0-9/20'] },
      'gzip',
      false,
    ],
    ['nothing', { status: 204, lines: [JSON_TYPE] }, 'gzip', false],
    ['an empty answer', { body: '', lines: [JSON_TYPE] }, 'gzip', false],
  ];
  test.each(cases)('%s', async (_, answer, accept, varies) => {
    const outcome = await answered(answer, accept);
    const { header } = outcome;
    const sent = answer.lines?.find((line) => line.startsWith('Content-Encoding'))?.slice(18) ?? null;
    expect(header('content-encoding')).toBe(sent);
    expect(outcome.answerBody.toString()).toBe(answer.body ?? '');
    expect(header('vary')).toBe(varies ? 'Accept-Encoding' : null);
  });

  test('what does not become smaller', async () => {
    const body = randomBytes(2000);
    const outcome = await answered({ body, lines: ['Content-Type: text/plain'] });
    expect([outcome.header('content-encoding'), outcome.answerBody.equals(body)]).toEqual([null, true]);
  });
});

test('identity;q=0 is obeyed for every size and type', async () => {
  const outcome = await answered(
    { body: 'x'.repeat(100), lines: ['Content-Type: image/png'] },
    'gzip, identity;q=0',
  );
  expect(outcome.header('content-encoding')).toBe('gzip');
});

test('the first coding of the list goes before others that the client likes as much', async () => {
  const answer = { body: SMALL, lines: [JSON_TYPE] };
  const chosen = async (accept: string, codings?: string[]) =>
    (await answered(answer, accept, codings === undefined ? {} : { codings })).header('content-encoding');
  expect(await chosen('gzip, deflate, br, zstd')).toBe('zstd');
  expect(await chosen('gzip, deflate, br, zstd', ['gzip', 'br'])).toBe('gzip');
  expect(await chosen('gzip;q=0.5, br', ['gzip', 'br'])).toBe('br');
});

test('validators and digests follow; Vary is not said twice', async () => {
  const lines = [
    JSON_TYPE,
    'ETag: "v1"',
    'Accept-Ranges: bytes',
    'Content-Digest: sha-256=:x:',
    'Vary: Origin, accept-encoding',
  ];
  for (const body of [SMALL, LARGE]) {
    expect(
      (await answered({ body, lines })).lines.filter((line) => !line.startsWith('content-length')),
    ).toEqual([
      'content-type: application/json',
      'vary: Origin, accept-encoding',
      'etag: W/"v1"',
      'content-encoding: gzip',
    ]);
  }
});

test('HEAD says what GET would say', async () => {
  const outcome = await answered(
    { lines: [JSON_TYPE, 'Content-Length: 5000', 'ETag: "v1"'] },
    'gzip',
    {},
    'HEAD',
  );
  expect([outcome.header('content-encoding'), outcome.header('etag')]).toEqual(['gzip', 'W/"v1"']);
  const small = await answered({ lines: [JSON_TYPE, 'Content-Length: 50'] }, 'gzip', {}, 'HEAD');
  expect(small.header('content-encoding')).toBeNull();
});

test('304 names the tag that the client has', async () => {
  const notModified = (held: string) =>
    exchange(
      bindPolicies([compress, {}]),
      { lines: ['Accept-Encoding: gzip', `If-None-Match: ${held}`] },
      { status: 304, lines: ['ETag: "v1"'] },
    );
  expect((await notModified('W/"v1"')).lines).toEqual(['vary: Accept-Encoding', 'etag: W/"v1"']);
  expect((await notModified('"v1"')).header('etag')).toBe('"v1"');
});

test("the gateway's own answers are compressed, too", async () => {
  const page = { statuses: ['403'], body: 'no '.repeat(1000) };
  const rule = bindPolicies(
    [compress, {}],
    [errorPages, { pages: [page] }],
    [ipAccess, { deny: ['192.0.2.1'] }],
  );
  const outcome = await exchange(rule, { lines: ['Accept-Encoding: br'] });
  expect(outcome.header('content-encoding')).toBe('br');
  expect(brotliDecompressSync(outcome.answerBody).toString()).toBe(page.body);
});

test('it decides by what other policies left', async () => {
  const rule = bindPolicies(
    [compress, {}],
    [responseHeaders, { set: [{ name: 'Content-Type', value: 'application/json' }] }],
  );
  const outcome = await exchange(
    rule,
    { lines: ['Accept-Encoding: gzip'] },
    { body: SMALL, lines: ['Content-Type: image/png'] },
  );
  expect(gunzipSync(outcome.answerBody).toString()).toBe(SMALL);
});

test.each([
  [{ codings: ['deflate'] }, 'zstd'],
  [{ codings: [] }, 'must not be empty'],
  [{ levels: { gzip: 10 } }, '9'],
  [{ types: ['json'] }, 'write a media type'],
  [{ minBytes: 'few' }, 'write a size'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([compress, config])).toThrow(message);
});
