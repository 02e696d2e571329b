import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileQuery } from './query.ts';

describe('compileQuery', () => {
  it.each([
    [{ ignore: ['utm_*', 'fbclid'] }, 'a=1&utm_source=x&fbclid&b=2', 'a=1&b=2'],
    [{ ignore: ['utm_*'] }, 'utm_source=x', ''],
    [{ ignore: ['a'] }, 'ab=1&A=2&a=3&%61=4', 'ab=1&A=2&%61=4'],
    [{ ignore: ['utm_content'] }, 'utm_content=1;callback=evil&x=1', 'x=1'],
    [{ only: ['page'] }, 'page=1&x=2&page=3', 'page=1&page=3'],
    [{ only: [] }, 'page=1', ''],
    [{ only: ['*'] }, 'a=1&&b', 'a=1&&b'],
  ])('%j makes of %j %j', (config, query, kept) => {
    expect(compileQuery(config)!(query)).toBe(kept);
  });

  it('keeps the very string when all counts', () => {
    expect(compileQuery(undefined)).toBeNull();
    const ignore = compileQuery({ ignore: ['zzz'] })!;
    fc.assert(
      fc.property(fc.stringMatching(/^[a-y&=;%0-9]*$/), (query) => {
        expect(ignore(query)).toBe(query);
      }),
    );
  });

  it('splits every query in two', () => {
    const piece = fc.constantFrom('a', 'b', 'a=1', 'b=2', 'ab=3', '', '=');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const query = pieces.join('&');
        const count = (text: string) =>
          text === '' ? 0 : text.split('&').filter((one) => one !== '').length;
        const kept = count(compileQuery({ only: ['a'] })!(query));
        const rest = count(compileQuery({ ignore: ['a'] })!(query));
        expect(kept + rest).toBe(count(query));
      }),
    );
  });
});
