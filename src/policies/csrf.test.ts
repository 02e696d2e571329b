import { expect, test } from 'vitest';
import { csrf } from './csrf.ts';
import { bindPolicies, exchange } from './testing.ts';

const CONFIG = { trustedOrigins: ['https://app.example.com', 'https://*.trusted.example'] };

test.each<[string, string, string[], boolean]>([
  ['a client that is no browser', 'POST', [], true],
  ['the own page', 'POST', ['Sec-Fetch-Site: same-origin', 'Origin: https://shop.test'], true],
  ['an address typed in', 'POST', ['Sec-Fetch-Site: none'], true],
  ['another site', 'POST', ['Sec-Fetch-Site: cross-site', 'Origin: https://evil.example'], false],
  ['another site without Origin', 'DELETE', ['Sec-Fetch-Site: cross-site'], false],
  ['a sibling domain', 'PUT', ['Sec-Fetch-Site: same-site', 'Origin: https://blog.test'], false],
  ['two values', 'POST', ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'], false],
  ['an old browser, own page', 'POST', ['Origin: https://shop.test'], true],
  ['an old browser, behind TLS of a proxy', 'POST', ['Origin: http://shop.test'], true],
  ['an old browser, other site', 'POST', ['Origin: https://evil.example'], false],
  ['an old browser, other port', 'POST', ['Origin: https://shop.test:8443'], false],
  ['an old browser, look-alike', 'POST', ['Origin: https://shop.test.evil.example'], false],
  ['a page without origin', 'POST', ['Origin: null'], false],
  ['a page without origin, modern', 'POST', ['Origin: null', 'Sec-Fetch-Site: cross-site'], false],
  ['a trusted origin', 'POST', ['Sec-Fetch-Site: cross-site', 'Origin: https://app.example.com'], true],
  ['a trusted sub-domain', 'POST', ['Sec-Fetch-Site: cross-site', 'Origin: https://a.trusted.example'], true],
  [
    'a look-alike of it',
    'POST',
    ['Sec-Fetch-Site: cross-site', 'Origin: https://a.trusted.example.evil.example'],
    false,
  ],
  ['a link from another site', 'GET', ['Sec-Fetch-Site: cross-site'], true],
  ['HEAD', 'HEAD', ['Sec-Fetch-Site: cross-site'], true],
  ['OPTIONS', 'OPTIONS', ['Sec-Fetch-Site: cross-site', 'Origin: https://evil.example'], true],
  ['an unknown method', 'get', ['Sec-Fetch-Site: cross-site'], false],
  [
    'a WebSocket of another site',
    'GET',
    [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-Fetch-Site: cross-site',
      'Origin: https://evil.example',
    ],
    false,
  ],
  [
    'a WebSocket of the own page',
    'GET',
    ['Connection: Upgrade', 'Upgrade: websocket', 'Origin: https://shop.test'],
    true,
  ],
])('%s: %s %j passes: %s', async (_, method, lines, passes) => {
  const outcome = await exchange(bindPolicies([csrf, CONFIG]), { method, lines });
  expect(outcome.status).toBe(passes ? 200 : 403);
});

test('the port of Host counts', async () => {
  const lines = ['Host: Shop.test:8443', 'Origin: https://shop.test:8443'];
  expect((await exchange(bindPolicies([csrf, {}]), { method: 'POST', lines })).status).toBe(200);
});

test.each([
  [{ trustedOrigins: ['*'] }, '* would trust every site'],
  [{ trustedOrigins: ['null'] }, 'null would trust every site'],
  [{ trustedOrigins: ['https://*'] }, 'is no origin'],
])('%j is refused', (config, message) => {
  expect(() => bindPolicies([csrf, config])).toThrow(message);
});
