import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseCoding } from './accept-encoding.ts';

const OFFERED = ['zstd', 'br', 'gzip'] as const;

test.each([
  [null, null, false],
  ['', null, false],
  ['gzip', 'gzip', false],
  ['gzip, br', 'br', false],
  ['gzip, deflate, br, zstd', 'zstd', false],
  ['GZIP', 'gzip', false],
  ['x-gzip', 'gzip', false],
  ['gzip;q=1.0, br;q=0.9', 'gzip', false],
  ['gzip ; q=0.5 ,br;Q=0.8', 'br', false],
  ['gzip;q=0', null, false],
  ['gzip;q=0.000, *', 'zstd', false],
  ['*', 'zstd', false],
  ['*;q=0', null, true],
  ['identity', null, false],
  ['identity;q=0', null, true],
  ['gzip, identity;q=0', 'gzip', true],
  ['gzip, *;q=0', 'gzip', true],
  ['*;q=0, identity', null, false],
  ['identity;q=1, gzip;q=0.5', null, false],
  ['identity;q=0.5, gzip;q=0.5', 'gzip', false],
  ['deflate', null, false],
  ['compress;q=0.5, gzip;q=1.0', 'gzip', false],
  ['gzip;q=2', null, false],
  ['gzip;q=-1', null, false],
  ['gzip;q=0.1234', null, false],
  ['gzip;q=', null, false],
  ['gzip;q', null, false],
  ['gzip;x=1', null, false],
  ['gzip;q=1;x=1', null, false],
  ['gz ip', null, false],
  [',, ,gzip,', 'gzip', false],
  ['gzip\u0000', null, false],
  ['__proto__, constructor, gzip', 'gzip', false],
])('%j', (header, coding, identityRefused) => {
  expect(chooseCoding(header, OFFERED)).toEqual({ coding, identityRefused });
});

test('agrees with a slow model on every well-formed header', () => {
  const name = fc.constantFrom('gzip', 'br', 'zstd', 'identity', '*', 'deflate');
  const weight = fc.constantFrom('', ';q=0', ';q=0.3', '; q=0.7', ' ;q=1', ';q=1.000');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, weight), { selector: ([first]) => first, maxLength: 6 }),
      (entries) => {
        const header = entries.map(([coding, q]) => coding + q).join(', ');
        const q = (coding: string) => {
          const entry =
            entries.find(([first]) => first === coding) ??
            (coding === 'identity' ? undefined : entries.find(([first]) => first === '*'));
          return entry === undefined ? -1 : Number(/[\d.]+/.exec(entry[1])?.[0] ?? 1);
        };
        const candidates = OFFERED.filter((coding) => q(coding) > 0 && q(coding) >= q('identity'));
        const expected = candidates.toSorted((a, b) => q(b) - q(a))[0] ?? null;
        expect(chooseCoding(header, OFFERED).coding).toBe(expected);
      },
    ),
  );
});
