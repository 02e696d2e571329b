import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonLines } from './json-lines.ts';

test('lines are the same however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.json()), fc.array(fc.nat(40)), (texts, cuts) => {
      const bytes = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(''));
      const lines = new JsonLines();
      const values: unknown[] = [];
      let at = 0;
      for (const cut of cuts) {
        values.push(...lines.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      values.push(...lines.push(bytes.subarray(at)));
      expect(values).toEqual(texts.map((text) => JSON.parse(text)));
    }),
  );
});

test('a line without its end is none', () => {
  expect(new JsonLines().push(Buffer.from('{"a":1}'))).toEqual([]);
});

test('what does not parse is an error, and so is a line that never ends', () => {
  expect(() => new JsonLines().push(Buffer.from('{"a":\n'))).toThrow(SyntaxError);
  const endless = new JsonLines();
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  expect(() => {
    for (let count = 0; count < 20; count += 1) endless.push(chunk);
  }).toThrow(SyntaxError);
});
