import { describe, expect, it } from 'vitest';
import { HeadScanner, NEED_MORE } from './head-scanner.ts';
import { RefusalCode, refusalOf, refusalResult } from './refusal.ts';

/** Feeds the pieces; the offset of a found end counts from the first byte of the first piece. */
function scan(pieces: readonly string[], maxHeadBytes = 1000): number {
  const scanner = new HeadScanner(maxHeadBytes);
  let before = 0;
  for (const piece of pieces) {
    // Other bytes around the piece must not be looked at.
    const buf = Buffer.from(`\r\n\r\n${piece}\r\n\r\n`, 'latin1');
    const result = scanner.scan(buf, 4, 4 + piece.length);
    if (result < NEED_MORE) return result;
    if (result !== NEED_MORE) return before + result - 4;
    before += piece.length;
  }
  return NEED_MORE;
}

const bytewise = (text: string) => Array.from(text);

describe('HeadScanner', () => {
  it('finds the first empty line, however the bytes arrive', () => {
    for (const head of [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nA: b\r\n\r\n',
      '\r\nGET / HTTP/1.1\r\nA: \xff\t\r\n\r\n',
      '\r\n\r\n',
      // Long enough for the runtime's own search.
      `GET / HTTP/1.1\r\nA: ${'b'.repeat(520)}\r\n\r\n`,
    ]) {
      for (let pad = 0; pad < 5; pad++) {
        const text = `${'x'.repeat(pad)}${head}`;
        const after = `${text}rest\r\n\r\n`;
        expect(scan([after])).toBe(text.length);
        expect(scan(bytewise(after))).toBe(text.length);
        // A later empty line must not be found instead, wherever the strides begin.
        for (let tail = 0; tail < 4; tail++)
          expect(scan([`${text}${'r'.repeat(tail)}\r\n\r\n`])).toBe(text.length);
        for (let at = 1; at < after.length; at++) {
          expect(scan([after.slice(0, at), after.slice(at)]), `split at ${at}`).toBe(text.length);
        }
      }
    }
  });

  it('wants more while there is no empty line', () => {
    expect(scan(['GET / HTTP/1.1\r\nA: b\r\n'])).toBe(NEED_MORE);
    expect(scan([''])).toBe(NEED_MORE);
    expect(scan(['\r\n'])).toBe(NEED_MORE);
  });

  it.each([
    ['GET /\nHost', RefusalCode.bareLineFeed],
    ['GET /\r\n\nHost', RefusalCode.bareLineFeed],
    ['GET /\rHost', RefusalCode.bareCarriageReturn],
    ['GET /\r\rHost', RefusalCode.bareCarriageReturn],
    ['GET /\r\n\rX', RefusalCode.bareCarriageReturn],
    ['GET /\x00', RefusalCode.controlByte],
    ['\x16\x03\x01\x02', RefusalCode.controlByte],
    ['A\x7f', RefusalCode.controlByte],
  ])('refuses %j before the head is complete', (text, code) => {
    expect(refusalOf(scan([text]))).toBe(code);
    expect(refusalOf(scan(bytewise(text)))).toBe(code);
  });

  it('refuses a head over the limit: 414 in its first line, 431 later', () => {
    const line = `GET /${'a'.repeat(40)}`;
    expect(refusalOf(scan([line], 40))).toBe(RefusalCode.targetTooLong);
    expect(refusalOf(scan(bytewise(`\r\n${line}`), 40))).toBe(RefusalCode.targetTooLong);
    const lines = `GET / HTTP/1.1\r\nA: ${'b'.repeat(40)}`;
    expect(refusalOf(scan([lines], 40))).toBe(RefusalCode.headTooLarge);
    expect(refusalOf(scan(bytewise(lines), 40))).toBe(RefusalCode.headTooLarge);
    expect(refusalOf(scan([`${lines}\r\n\r\n`], 40))).toBe(RefusalCode.headTooLarge);
  });

  it('takes a head of exactly the limit', () => {
    const head = 'GET / HTTP/1.1\r\nA: b\r\n\r\n';
    for (const pieces of [[head], bytewise(head)]) {
      expect(scan(pieces, head.length)).toBe(head.length);
      expect(scan(pieces, head.length - 1)).toBe(refusalResult(RefusalCode.headTooLarge));
    }
  });

  it('knows whether a head has begun', () => {
    const scanner = new HeadScanner(100);
    const feed = (text: string) => scanner.scan(Buffer.from(text), 0, text.length);
    expect(scanner.begun).toBe(false);
    feed('\r');
    expect(scanner.begun).toBe(false);
    feed('\n');
    expect(scanner.begun).toBe(false);
    feed('G');
    expect(scanner.begun).toBe(true);
    scanner.reset();
    expect(scanner.begun).toBe(false);
    feed('ab\r\n');
    expect(scanner.begun).toBe(true);
  });
});
