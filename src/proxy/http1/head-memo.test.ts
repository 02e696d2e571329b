import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeadMemo } from './head-memo.ts';
import { RefusalCode } from './refusal.ts';
import { RequestHead, type RequestMemo, readRequestHead } from './request-head.ts';
import { ResponseHead, type ResponseMemo, readResponseHead } from './response-head.ts';
import { limits } from './testing.ts';

/** What a connection does; the value is the text itself. */
function look(memo: HeadMemo<string>, text: string, offset = 0): string | null {
  const bytes = Buffer.from(`${'.'.repeat(offset)}${text}`, 'latin1');
  const found = memo.find(bytes, offset, bytes.length);
  if (found === null && memo.wants) memo.keep(bytes, offset, bytes.length, text);
  return found;
}

/** Few characters, few lengths: many are nearly equal. */
const nearlyEqual = fc
  .array(fc.constantFrom('a', 'b'), { minLength: 6, maxLength: 14 })
  .map((letters) => letters.join(''));
const looksAtFew = fc
  .array(nearlyEqual, { minLength: 1, maxLength: 6 })
  .chain((few) => fc.array(fc.tuple(fc.constantFrom(...few), fc.nat(5)), { minLength: 20, maxLength: 100 }));

describe('a memo of heads', () => {
  it('finds nothing but what is equal, wherever it lies', () => {
    let hits = 0;
    fc.assert(
      fc.property(looksAtFew, (looks) => {
        const memo = new HeadMemo<string>();
        for (const [text, offset] of looks) {
          const found = look(memo, text, offset);
          if (found === null) continue;
          hits++;
          expect(found).toBe(text);
        }
      }),
    );
    expect(hits).toBeGreaterThan(0);
  });

  it('sees a difference in any octet', () => {
    for (let length = 8; length < 48; length++) {
      const memo = new HeadMemo<string>();
      const text = 'x'.repeat(length);
      for (let i = 0; i < 2; i++) look(memo, text);
      expect(look(memo, text)).toBe(text);
      for (let at = 0; at < length; at++) {
        const other = Buffer.from(`${text.slice(0, at)}y${text.slice(at + 1)}`);
        expect(memo.find(other, 0, length), `octet ${at} of ${length}`).toBeNull();
      }
    }
  });

  it('remembers what comes a second time', () => {
    const memo = new HeadMemo<string>();
    const text = 'Host: shop.example\r\n\r\n';
    expect([1, 2, 3, 4].map(() => look(memo, text))).toEqual([null, null, text, text]);
  });

  it('keeps ever less where nothing comes again', () => {
    const memo = new HeadMemo<string>();
    let kept = 0;
    for (let i = 0; i < 10_000; i++) {
      // The number is not among the samples: all are in one place.
      const bytes = Buffer.from(`${'a'.repeat(16)}${String(i).padStart(6, '0')}${'a'.repeat(34)}`);
      expect(memo.find(bytes, 0, bytes.length)).toBeNull();
      if (!memo.wants) continue;
      kept++;
      memo.keep(bytes, 0, bytes.length, String(i));
    }
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(25);
  });

  it('leaves alone what is short or long', () => {
    const memo = new HeadMemo<string>();
    for (const text of ['\r\n', 'x'.repeat(2049)]) {
      for (let i = 0; i < 5; i++) expect(look(memo, text)).toBeNull();
    }
  });
});

const line = fc.constantFrom(
  ...[
    'Host: a.example',
    'Host: b.example:8080',
    'Accept: */*',
    'Content-Length: 5',
    'Content-Length: 7',
    'Host: ',
  ],
  ...['Transfer-Encoding: chunked', 'Connection: close', 'Connection: te, x-a', 'Expect: 100-continue'],
  ...['Expect: nothing', 'Upgrade: websocket', 'X-A: 1', 'X-A : 1', 'X-B: \x01', 'TE: trailers'],
);
const section = fc.array(line, { maxLength: 5 });
const startOf = {
  request: fc.constantFrom(
    'GET / HTTP/1.1',
    'GET /a?b HTTP/1.1',
    'POST / HTTP/1.0',
    'CONNECT a.example:80 HTTP/1.1',
  ),
  response: fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.0 200 Fine', 'HTTP/1.1 304 ', 'HTTP/1.1 101 Go'),
};

/** Few heads, each several times. */
function heads(start: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc
    .array(fc.tuple(start, section), { minLength: 1, maxLength: 4 })
    .chain((some) => fc.array(fc.constantFrom(...some), { minLength: 4, maxLength: 24 }))
    .map((all) => all.map(([first, lines]) => `${[first, ...lines].join('\r\n')}\r\n\r\n`));
}

/** All that anybody can ask of it. */
function told(code: RefusalCode, head: RequestHead | ResponseHead): unknown {
  if (code !== RefusalCode.OK) return code;
  const { fields, controls } = head;
  const lines = Array.from({ length: fields.count }, (_, i) => [fields.lowerName(i), fields.value(i)]);
  const own =
    head instanceof RequestHead
      ? [
          head.method,
          head.target,
          head.path,
          head.query,
          head.authority,
          head.host,
          head.port,
          head.expectContinue,
        ]
      : [head.status, head.reason, head.statusLine];
  const { framing, contentLength, keepAlive, upgrade, connectionTokens, minorVersion } = head;
  return {
    lines,
    own,
    framing,
    contentLength,
    keepAlive,
    upgrade,
    connectionTokens,
    minorVersion,
    te: controls.chunked,
  };
}

describe('heads read with a memo', () => {
  const readRequest = (text: string, head: RequestHead, memo: RequestMemo | null): unknown =>
    told(readRequestHead(Buffer.from(text, 'latin1'), 0, text.length, head, limits, memo), head);
  const readResponse = (
    text: string,
    head: ResponseHead,
    memo: ResponseMemo | null,
    method: string,
  ): unknown =>
    told(readResponseHead(Buffer.from(text, 'latin1'), 0, text.length, method, head, limits, memo), head);

  it('say what requests say that are read without', () => {
    fc.assert(
      fc.property(heads(startOf.request), (texts) => {
        const memo: RequestMemo = new HeadMemo();
        // Two that are used in turns, as those of a thread are.
        const pool = [new RequestHead(), new RequestHead()] as const;
        texts.forEach((text, i) => {
          expect(readRequest(text, pool[i % 2]!, memo)).toEqual(readRequest(text, new RequestHead(), null));
        });
      }),
      { numRuns: 500 },
    );
  });

  it('say what responses say that are read without, to whatever request', () => {
    const method = fc.constantFrom('GET', 'HEAD', 'CONNECT');
    fc.assert(
      fc.property(
        heads(startOf.response),
        fc.array(method, { minLength: 24, maxLength: 24 }),
        (texts, methods) => {
          const memo: ResponseMemo = new HeadMemo();
          const pool = [new ResponseHead(), new ResponseHead()] as const;
          texts.forEach((text, i) => {
            const expected = readResponse(text, new ResponseHead(), null, methods[i]!);
            expect(readResponse(text, pool[i % 2]!, memo, methods[i]!)).toEqual(expected);
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are not changed by what is read into others', () => {
    const memo: RequestMemo = new HeadMemo();
    const same = 'GET /same HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\n\r\n';
    const held = [1, 2, 3].map(() => {
      const head = new RequestHead();
      return { head, said: readRequest(same, head, memo) };
    });
    const others = [new RequestHead(), held[0]!.head];
    for (let i = 0; i < 50; i++) {
      const other = `GET /${i} HTTP/1.1\r\nHost: ${i}.example\r\nX-B: ${i}\r\n\r\n`;
      for (const head of others)
        expect(readRequest(other, head, memo)).toEqual(readRequest(other, new RequestHead(), null));
    }
    for (const { head, said } of held.slice(1)) expect(told(RefusalCode.OK, head)).toEqual(said);
  });
});
