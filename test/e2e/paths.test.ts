import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from './support/gateway.ts';
import type { ParsedResponse } from './support/http-text.ts';
import { get } from './support/raw-client.ts';
import { backend, forward, prefix, route } from './support/resources.ts';
import { RecordingUpstream } from './support/upstream.ts';

/**
 * What routing saw is what the backend sees, and no reading of it, however careless, leads out of the place
 * that the route stands for.
 */
let open: RecordingUpstream;
let admin: RecordingUpstream;
let stripped: RecordingUpstream;
let gateway: Gateway;

beforeAll(async () => {
  open = await RecordingUpstream.start();
  admin = await RecordingUpstream.start();
  stripped = await RecordingUpstream.start();
  gateway = await startGateway({
    files: {
      'route.yaml': route('paths', [
        forward('/public', open.port),
        forward('/admin', admin.port),
        {
          ...prefix('/api'),
          backends: [backend(stripped.port)],
          rewrite: { path: { replacePrefix: '/files' } },
        },
      ]),
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await open?.stop();
  await admin?.stop();
  await stripped?.stop();
});

/** Where a careless backend would end up: every trick is believed. */
function carelessly(target: string): string {
  const path = target.replace(/[?#].*$/, '');
  const decoded = path
    .replace(/%c0%ae/gi, '.')
    .replace(/%c0%af/gi, '/')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\/g, '/')
    .replace(/;[^/]*/g, '');
  const segments: string[] = [];
  for (const segment of decoded.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

interface Outcome {
  readonly answer: ParsedResponse;
  readonly reached: 'public' | 'admin' | 'api' | null;
  readonly target: string | null;
}

async function send(target: string): Promise<Outcome> {
  const places = { public: open, admin, api: stripped };
  const before = Object.values(places).map((upstream) => upstream.requests.length);
  const answer = await get(gateway.port, target, 'Connection: close');
  const entries = Object.entries(places) as ['public' | 'admin' | 'api', RecordingUpstream][];
  const hit = entries.find(([, upstream], i) => upstream.requests.length > before[i]!);
  return { answer, reached: hit?.[0] ?? null, target: hit?.[1].last.target ?? null };
}

const HOME = { public: '/public', admin: '/admin', api: '/files' };

/** Refused, or at a place whose name every reader of the path agrees on. */
function expectContained({ answer, reached, target }: Outcome): void {
  if (reached === null) {
    expect([400, 404]).toContain(answer.status);
    return;
  }
  const read = carelessly(target!);
  const home = HOME[reached];
  expect(read === home || read.startsWith(`${home}/`), `${target} reads as ${read} at ${reached}`).toBe(true);
  expect(target).not.toMatch(/[#\\\0]/);
}

const TRICKS = [
  '/public/../admin',
  '/public/./../admin',
  '/public/x/../../admin',
  '/public/%2e%2e/admin',
  '/public/%2E%2e/admin',
  '/public/.%2e/admin',
  '/public/..%2fadmin',
  '/public/..%2Fadmin',
  '/public%2f..%2fadmin',
  '/public/%2e%2e%2fadmin',
  '/public/..%5cadmin',
  '/public/..\\admin',
  '/public\\..\\admin',
  '/public/..;/admin',
  '/public/..;x=y/admin',
  '/public/.;/..;/admin',
  '/public;/../admin',
  '/public/%2e%2e;/admin',
  '/public/..%3b/admin',
  '/public/..%00/admin',
  '/public/%00/../admin',
  '/public/..%c0%af..%c0%afadmin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/%C0%AE%C0%AE/admin',
  '/public/%e0%80%ae%e0%80%ae/admin',
  '/public//../admin',
  '/public//..//admin',
  '//admin',
  '///admin',
  '/./admin',
  '/%2e/admin',
  '/;/admin',
  '/.;/admin',
  '/%2fadmin',
  '/%5cadmin',
  '/\\admin',
  '/../../../admin',
  '/%61dmin',
  '/%2561dmin',
  '/public/%252e%252e/admin',
  '/public/%23/../admin',
  '/public%23/../admin',
  '/public/#/../admin',
  '/public#',
  '/public?/../admin',
  '/public/%',
  '/public/%2',
  '/public/%zz',
  '/public/%u002e%u002e/admin',
  '/public/%ff%fe',
  '/public/..',
  '/public/%2e%2e',
  '/api../admin',
  '/api%2e%2e/admin',
  '/api/../admin',
  '/api/%2e%2e/admin',
  '/api/..%2fadmin',
  '/api//../admin',
  '/api//admin',
  '/api/;/../admin',
  '/api;/admin',
  '/api%2f..%2fadmin',
  '/api..;/admin',
  '/apiadmin',
];

describe('tricks', () => {
  for (const target of TRICKS) {
    it(JSON.stringify(target), async () => expectContained(await send(target)));
  }
});

describe('what must come out', () => {
  const refused: readonly string[] = ['/public/%00', '/public/%', '/public/%zz', '/public/..%00/admin'];
  for (const target of refused) {
    it(`${target} is refused`, async () => {
      const { answer, reached } = await send(target);
      expect([answer.status, reached]).toEqual([400, null]);
    });
  }

  const nowhere: readonly string[] = ['/api../admin', '/api%2e%2e/admin', '/apiadmin', '/publicx', '/'];
  for (const target of nowhere) {
    it(`${target} matches no route`, async () => {
      const { answer, reached } = await send(target);
      expect([answer.status, reached]).toEqual([404, null]);
    });
  }

  const routed: readonly (readonly [sent: string, place: string, target: string])[] = [
    ['/public', 'public', '/public'],
    ['/public/', 'public', '/public/'],
    ['/public/a%20b', 'public', '/public/a%20b'],
    ['/public/a%2Db', 'public', '/public/a-b'],
    ['/public/%e4%bd%a0', 'public', '/public/%E4%BD%A0'],
    ['/public/a/./b', 'public', '/public/a/b'],
    ['/public/a/../b', 'public', '/public/b'],
    ['/public?a=/../b&c=%2e', 'public', '/public?a=/../b&c=%2e'],
    ['/public?', 'public', '/public?'],
    ['/api', 'api', '/files'],
    ['/api/x?y=z', 'api', '/files/x?y=z'],
    ['/public/../admin', 'admin', '/admin'],
    ['/public/%2e%2e/admin', 'admin', '/admin'],
  ];
  for (const [sent, place, target] of routed) {
    it(`${sent} reaches ${place} as ${target}`, async () => {
      const outcome = await send(sent);
      expect([outcome.reached, outcome.target]).toEqual([place, target]);
    });
  }
});
