import { expect, test } from 'vitest';
import { ipAccess } from './ip-access.ts';
import { statusMap } from './status-map.ts';
import { bindPolicies, exchange } from './testing.ts';

const statusOf = async (config: object, status: number) =>
  (await exchange(bindPolicies([statusMap, config]), {}, { status })).status;

test.each([
  [501, 404],
  [502, 503],
  [503, 504],
  [504, 504],
  [500, 500],
  [200, 200],
])('the preset makes %d %d, once', async (from, to) => {
  expect(await statusOf({ preset: 'standard' }, from)).toBe(to);
});

test('own entries go before the preset', async () => {
  const config = {
    preset: 'standard',
    map: [
      { from: 502, to: 500 },
      { from: 418, to: 400 },
    ],
  };
  expect([await statusOf(config, 502), await statusOf(config, 418), await statusOf(config, 501)]).toEqual([
    500, 400, 404,
  ]);
});

test("leaves the gateway's own answers alone", async () => {
  const rule = bindPolicies(
    [statusMap, { map: [{ from: 403, to: 404 }] }],
    [ipAccess, { deny: ['192.0.2.1'] }],
  );
  expect((await exchange(rule)).status).toBe(403);
});

test.each([
  [{ map: [{ from: 200, to: 404 }] }, 'must be >= 400'],
  [{ map: [{ from: 404, to: 101 }] }, 'must be >= 200'],
  [
    {
      map: [
        { from: 404, to: 410 },
        { from: 404, to: 400 },
      ],
    },
    'has the same from as entry 0',
  ],
  [{ preset: 'standart' }, 'did you mean "standard"?'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([statusMap, config])).toThrow(message);
});
