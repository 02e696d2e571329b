import { STATUS_CODES } from 'node:http';
import { describe, expect, it } from 'vitest';
import { reasonPhrase, statusTitle } from './status-phrases.ts';

/** Registered with IANA since Node's table was written, or under another name there. */
const REGISTERED = {
  ...STATUS_CODES,
  104: 'Upload Resumption Supported',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
};

const all = Array.from({ length: 500 }, (_, i) => i + 100);

describe('phrases of statuses', () => {
  it('has every registered status, and no other', () => {
    for (const status of all) {
      expect(reasonPhrase(status), String(status)).toBe((REGISTERED as Record<number, string>)[status] ?? '');
    }
  });

  it('gives each error a title', () => {
    for (const status of all.filter((s) => s >= 400)) {
      const byClass = status < 500 ? 'Client Error' : 'Server Error';
      expect(statusTitle(status)).toBe(reasonPhrase(status) || byClass);
    }
    expect(statusTitle(416)).toBe('Range Not Satisfiable');
    expect(statusTitle(499)).toBe('Client Error');
  });
});
