import { describe, expect, it } from 'vitest';
import { chunkHead, httpDate, LAST_CHUNK, lastChunk, statusLine } from './encode.ts';
import { RefusalCode, refusalMessage, refusalOf, refusalResult, refusalStatus } from './refusal.ts';

describe('encode', () => {
  it('writes status lines', () => {
    expect(statusLine(200)).toBe('HTTP/1.1 200 OK\r\n');
    expect(statusLine(413)).toBe('HTTP/1.1 413 Content Too Large\r\n');
    expect(statusLine(299)).toBe('HTTP/1.1 299 \r\n');
  });

  it('writes chunks', () => {
    expect(chunkHead(255)).toBe('ff\r\n');
    expect(lastChunk('')).toBe(LAST_CHUNK);
    expect(lastChunk('A: b\r\n')).toBe('0\r\nA: b\r\n\r\n');
  });

  it('writes the date of the second', () => {
    const ms = Date.UTC(2026, 10, 24, 8, 9, 10);
    expect(httpDate(ms)).toBe('Tue, 24 Nov 2026 08:09:10 GMT');
    expect(httpDate(ms + 999)).toBe('Tue, 24 Nov 2026 08:09:10 GMT');
    expect(httpDate(ms + 1000)).toBe('Tue, 24 Nov 2026 08:09:11 GMT');
    expect(httpDate(ms)).toBe('Tue, 24 Nov 2026 08:09:10 GMT');
  });
});

describe('refusals', () => {
  it('each have a status, a sentence and a place among results', () => {
    const codes = Object.values(RefusalCode);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) {
      if (code === RefusalCode.OK) continue;
      expect(refusalStatus(code)).toBeGreaterThanOrEqual(400);
      expect(refusalMessage(code)).toMatch(/^[A-Z].*\.$/);
      expect(refusalOf(refusalResult(code))).toBe(code);
      expect(refusalResult(code)).toBeLessThan(-1);
    }
  });
});
