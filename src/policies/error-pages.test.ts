// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
import { expect, test } from 'vitest';
import { cors } from './cors.ts';
import { errorPages } from './error-pages.ts';
import { fault } from './fault.ts';
import { bindPolicies, exchange } from './testing.ts';

const PAGES = [
  { statuses: ['5xx', '4xx'], body: 'class ${status}' },
  { statuses: ['503', '504'], contentType: 'text/plain', body: 'down, ${requestId}' },
  { statuses: ['503'], body: 'never' },
];
const failing = (status: number, config: object = { pages: PAGES }) =>
  exchange(bindPolicies([fault, { abort: { status } }], [errorPages, config]));

test.each([
  [503, 'down, id-1', 'text/plain'],
  [504, 'down, id-1', 'text/plain'],
  [502, 'class 502', 'text/html; charset=utf-8'],
  [404, 'class 404', 'text/html; charset=utf-8'],
])('%d gets the page that fits best', async (status, body, contentType) => {
  const outcome = await failing(status);
  expect(outcome).toMatchObject({ status, body });
  expect(outcome.lines).toEqual([`content-type: ${contentType}`]);
});

test('a status without a page keeps its problem details', async () => {
  const outcome = await failing(404, { pages: [{ statuses: ['5xx'], body: 'x' }] });
  expect(outcome.header('content-type')).toBe('application/problem+json');
});

const ANSWER = {
  status: 500,
  lines: [
    'Content-Type: application/json',
    'Content-Length: 7',
    'Content-Encoding: gzip',
    'Content-Security-Policy: sandbox',
    'ETag: "a"',
    'Connection: X-Hop',
    'X-Hop: 1',
    'Keep-Alive: timeout=5',
    'Server: secret/1.0',
    'X-Powered-By: secret',
    'Date: Thu, 01 Jan 1970 00:00:00 GMT',
    'Set-Cookie: a=1',
    'Set-Cookie: b=2',
    'Retry-After: 5',
  ],
};

test("a backend's own error answer passes, unless upstream is set", async () => {
  const kept = await exchange(bindPolicies([errorPages, { pages: PAGES }]), {}, ANSWER);
  expect([kept.body, kept.header('etag')]).toEqual([null, '"a"']);
  const replaced = await exchange(bindPolicies([errorPages, { pages: PAGES, upstream: true }]), {}, ANSWER);
  expect(replaced).toMatchObject({ status: 500, body: 'class 500' });
  expect(replaced.lines).toEqual([
    'content-security-policy: sandbox',
    'set-cookie: a=1',
    'set-cookie: b=2',
    'retry-after: 5',
    'content-type: text/html; charset=utf-8',
  ]);
});

test('chunked framing of the backend is not repeated', async () => {
  const rule = bindPolicies([errorPages, { pages: PAGES, upstream: true }]);
  const outcome = await exchange(
    rule,
    {},
    { status: 500, lines: ['Transfer-Encoding: chunked', 'Trailer: X-A'] },
  );
  expect(outcome.lines).toEqual(['content-type: text/html; charset=utf-8']);
});

test('a success is never replaced', async () => {
  const outcome = await exchange(bindPolicies([errorPages, { pages: PAGES, upstream: true }]));
  expect(outcome.body).toBeNull();
});

test('headers of other policies stay, whichever is listed first', async () => {
  const entries = [
    [fault, { abort: { status: 503 } }],
    [cors, { origins: ['https://a.example'] }],
    [errorPages, { pages: PAGES }],
  ] as const;
  for (const order of [entries, entries.toReversed()]) {
    const outcome = await exchange(bindPolicies(...order), { lines: ['Origin: https://a.example'] });
    expect(outcome.body).toBe('down, id-1');
    expect([outcome.header('access-control-allow-origin'), outcome.header('vary')]).toEqual([
      'https://a.example',
      'Origin',
    ]);
  }
});

test.each([
  [{ pages: [] }, 'must not be empty'],
  [{ pages: [{ statuses: ['200'], body: '' }] }, '4xx or 5xx'],
  [{ pages: [{ statuses: ['404'] }] }, 'body: is required'],
  [{ pages: [{ statuses: ['404'], body: '${path}' }] }, 'known are status and requestId'],
  [{ pages: [{ statuses: ['404'], body: '', contentType: 'text/html\r\nX-Evil: 1' }] }, 'on one line'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([errorPages, config])).toThrow(message);
});
