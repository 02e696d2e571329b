import { expect, test } from 'vitest';
import { formatListenAddress, parseListenAddress } from './listen-address.ts';

test.each([
  ['8080', '0.0.0.0', 8080],
  [':8080', '0.0.0.0', 8080],
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['localhost:80', 'localhost', 80],
  ['[::]:65535', '::', 65_535],
  ['[2001:db8::1]:80', '2001:db8::1', 80],
])('%s', (text, address, port) => {
  expect(parseListenAddress(text)).toEqual({ address, port });
});

test.each([
  '',
  'here',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '1.2.3:80',
  '::1:80',
  '[1.2.3.4]:80',
  'a b:80',
  '-1',
  '80 ',
])('"%s" is refused with the forms that are taken', (text) => {
  expect(() => parseListenAddress(text)).toThrow(/write PORT, ADDRESS:PORT or \[IPV6\]:PORT/);
});

test('is printed as it is read', () => {
  for (const text of ['127.0.0.1:80', '[::1]:80'])
    expect(formatListenAddress(parseListenAddress(text))).toBe(text);
});
