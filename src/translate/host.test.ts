import { expect, test } from 'vitest';
import { canonicalHost } from './host.ts';

test.each([
  ['api.example.com', 'api.example.com'],
  ['API.Example.COM', 'api.example.com'],
  ['*.Example.com', '*.example.com'],
  ['localhost', 'localhost'],
  ['192.0.2.1', '192.0.2.1'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
])('%s becomes %s', (text, host) => {
  expect(canonicalHost(text)).toEqual({ ok: true, host });
});

test.each([
  ['*', 'leave hosts out'],
  ['a.*.example.com', 'stand alone in front'],
  ['*a.example.com', 'stand alone in front'],
  ['example.com:8080', 'no port'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['under_score.example', 'letters, digits'],
  ['-a.example', 'letters, digits'],
  ['a-.example', 'letters, digits'],
  ['a..example', 'letters, digits'],
  ['example.com.', 'letters, digits'],
  ['', 'letters, digits'],
  [`${'a'.repeat(64)}.example`, 'at most 63'],
  [`${'a.'.repeat(127)}example`, 'at most 63'],
])('%s is refused with advice', (text, advice) => {
  const result = canonicalHost(text);
  expect(result.ok ? result.host : result.message).toContain(advice);
});
