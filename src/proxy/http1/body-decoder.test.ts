import { describe, expect, it } from 'vitest';
import { BodyDecoder } from './body-decoder.ts';
import type { Framing } from './framing.ts';
import { RefusalCode, refusalOf } from './refusal.ts';

const limits = { maxBodyBytes: 0, maxTrailerBytes: 100, maxChunkExtensionBytes: 20 };

interface Outcome {
  payload: string;
  code: RefusalCode;
  done: boolean;
  trailers: string;
  /** Bytes not used. */
  left: string;
}

function decode(
  framing: Framing,
  text: string,
  contentLength = 0,
  given = limits,
  piece = text.length,
): Outcome {
  const decoder = new BodyDecoder();
  decoder.reset(framing, contentLength, given);
  const buf = Buffer.from(text, 'latin1');
  const outcome: Outcome = { payload: '', code: RefusalCode.OK, done: false, trailers: '', left: '' };
  const sink = {
    onData: (data: Buffer, from: number, to: number) => {
      expect(to).toBeGreaterThan(from);
      outcome.payload += data.toString('latin1', from, to);
    },
  };
  let at = 0;
  while (at < buf.length && !decoder.done) {
    const end = Math.min(buf.length, at + piece);
    const next = decoder.execute(buf, at, end, sink);
    if (next < 0) {
      outcome.code = refusalOf(next);
      return outcome;
    }
    at = next;
  }
  expect(decoder.bodyBytes).toBe(outcome.payload.length);
  return { ...outcome, done: decoder.done, trailers: decoder.trailers, left: text.slice(at) };
}

/** The same however the bytes arrive. */
function chunked(text: string, given = limits): Outcome {
  const whole = decode('chunked', text, 0, given);
  const bytewise = decode('chunked', text, 0, given, 1);
  expect(bytewise.code).toBe(whole.code);
  if (whole.code === RefusalCode.OK) expect(bytewise).toEqual(whole);
  return whole;
}

describe('BodyDecoder', () => {
  it('has nothing to read without a body', () => {
    expect(decode('none', 'next')).toMatchObject({ done: true, left: 'next' });
    expect(decode('length', 'next', 0)).toMatchObject({ done: true, left: 'next' });
  });

  it('stops after the length', () => {
    expect(decode('length', 'hellonext', 5)).toMatchObject({ payload: 'hello', done: true, left: 'next' });
    expect(decode('length', 'hell', 5)).toMatchObject({ payload: 'hell', done: false });
  });

  it('reads until the connection closes', () => {
    expect(decode('close', 'hello')).toMatchObject({ payload: 'hello', done: false });
  });

  it('tells a complete body from a cut one', () => {
    const decoder = new BodyDecoder();
    for (const [framing, bytes, code] of [
      ['none', 0, RefusalCode.OK],
      ['length', 0, RefusalCode.OK],
      ['length', 1, RefusalCode.truncatedBody],
      ['chunked', 0, RefusalCode.truncatedBody],
      ['close', 0, RefusalCode.OK],
    ] as const) {
      decoder.reset(framing, bytes, limits);
      expect(decoder.finish(), framing).toBe(code);
    }
    expect(decoder.done).toBe(true);
  });

  it('decodes chunks', () => {
    expect(chunked('5\r\nhello\r\n06\r\n world\r\n0\r\n\r\nnext')).toEqual({
      payload: 'hello world',
      code: RefusalCode.OK,
      done: true,
      trailers: '',
      left: 'next',
    });
    expect(chunked('A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n').payload).toBe('01234567890123456789');
    expect(chunked('5\r\nhello\r\n0\r\n')).toMatchObject({ done: false });
  });

  it.each([
    '0x1',
    '+1',
    '-1',
    ' 1',
    '1_0',
    '',
    'g',
    '1 ',
    '1\t',
    '00000000000001',
    '1'.repeat(17),
    '\xb9',
    '1.0',
  ])('refuses the chunk size %j', (size) => {
    expect(chunked(`${size}\r\nx\r\n0\r\n\r\n`).code).toBe(RefusalCode.badChunkSize);
  });

  it('reads thirteen digits', () => {
    expect(chunked('0000000000001\r\nx\r\n0\r\n\r\n')).toMatchObject({ payload: 'x', done: true });
    expect(chunked('fffffffffffff\r\nx')).toMatchObject({ code: RefusalCode.OK, payload: 'x', done: false });
  });

  it.each([
    ['1\nx', RefusalCode.bareLineFeed],
    ['1\rx', RefusalCode.bareCarriageReturn],
    ['1\r\nx0\r\n\r\n', RefusalCode.badChunkEnd],
    ['1\r\nx\n0\r\n\r\n', RefusalCode.badChunkEnd],
    ['1\r\nx\r0\r\n\r\n', RefusalCode.badChunkEnd],
    ['1\r\nxy\r\n0\r\n\r\n', RefusalCode.badChunkEnd],
    ['0\n\r\n', RefusalCode.bareLineFeed],
  ])('refuses %j', (text, code) => {
    expect(chunked(text).code).toBe(code);
  });

  it.each(['a', 'a=b', 'a=b;c', 'a="b"', 'a="";b', 'a="b\\"c;\xe9"', "!#$%&'*+-.^_`|~=1"])(
    'drops the extension %j',
    (text) => {
      expect(chunked(`1;${text}\r\nx\r\n0;${text}\r\n\r\n`)).toMatchObject({ payload: 'x', done: true });
    },
  );

  it.each([
    ['', RefusalCode.badChunkExtension],
    [';', RefusalCode.badChunkExtension],
    ['a;', RefusalCode.badChunkExtension],
    ['=b', RefusalCode.badChunkExtension],
    ['a=', RefusalCode.badChunkExtension],
    ['a==b', RefusalCode.badChunkExtension],
    ['a=b=c', RefusalCode.badChunkExtension],
    [' a', RefusalCode.badChunkExtension],
    ['a =b', RefusalCode.badChunkExtension],
    ['a= b', RefusalCode.badChunkExtension],
    ['a="b"c', RefusalCode.badChunkExtension],
    ['a="b', RefusalCode.badChunkExtension],
    ['a="b\\', RefusalCode.badChunkExtension],
    ['a="\x00"', RefusalCode.badChunkExtension],
    ['a="\\\x00"', RefusalCode.badChunkExtension],
    ['a\x00', RefusalCode.badChunkExtension],
    ['a\xe9', RefusalCode.badChunkExtension],
    ['a\nb', RefusalCode.bareLineFeed],
    ['a="\nb"', RefusalCode.bareLineFeed],
    ['a\rb', RefusalCode.bareCarriageReturn],
    ['a="\rb"', RefusalCode.badChunkExtension],
    ['a=123456789012345678', RefusalCode.OK],
    ['a=1234567890123456789', RefusalCode.chunkExtensionsTooLarge],
    ['a="1234567890123456"', RefusalCode.OK],
    ['a="12345678901234567"', RefusalCode.chunkExtensionsTooLarge],
  ])('answers to the extension %j with %i', (text, code) => {
    expect(chunked(`1;${text}\r\nx\r\n0\r\n\r\n`).code).toBe(code);
  });

  it('limits the extensions of one message to sixteen times those of a chunk', () => {
    const chunk = '1;a=123456789012345678\r\nx\r\n';
    expect(chunked(`${chunk.repeat(16)}0\r\n\r\n`).done).toBe(true);
    expect(chunked(`${chunk.repeat(16)}0;a\r\n\r\n`).code).toBe(RefusalCode.chunkExtensionsTooLarge);
  });

  it('keeps trailers, without the fields that only a head may have', () => {
    const dropped = [
      'Content-Length: 5',
      'Host: x',
      'Transfer-Encoding: chunked',
      'authorization: y',
      'Trailer: z',
    ];
    const lines = ['X-Sum: 1', ...dropped, 'grpc-status:0', 'Empty:'];
    const text = `0\r\n${lines.join('\r\n')}\r\n\r\nnext`;
    expect(chunked(text, { ...limits, maxTrailerBytes: 200 })).toMatchObject({
      done: true,
      trailers: 'X-Sum: 1\r\ngrpc-status:0\r\nEmpty:\r\n',
      left: 'next',
    });
  });

  it.each([
    ['A: b\n\r\n', RefusalCode.bareLineFeed],
    ['A: b\r\n\n', RefusalCode.bareLineFeed],
    ['\n', RefusalCode.bareLineFeed],
    ['A: b\r\n c\r\n\r\n', RefusalCode.foldedLine],
    ['A : b\r\n\r\n', RefusalCode.spaceBeforeColon],
    [': b\r\n\r\n', RefusalCode.badFieldName],
    ['A\r\n\r\n', RefusalCode.missingColon],
    ['A: \x00\r\n\r\n', RefusalCode.controlByte],
    ['A: b\r\n\rX', RefusalCode.bareCarriageReturn],
    ['\rX', RefusalCode.bareCarriageReturn],
    [`A: ${'b'.repeat(96)}\r\n\r\n`, RefusalCode.trailersTooLarge],
    [`A: ${'b'.repeat(95)}\r\n\r\n`, RefusalCode.OK],
  ])('answers to the trailers %j with %i', (text, code) => {
    expect(chunked(`0\r\n${text}`).code).toBe(code);
  });

  it('allows no trailer when the limit is 0', () => {
    const none = { ...limits, maxTrailerBytes: 0 };
    expect(chunked('0\r\n\r\n', none).done).toBe(true);
    expect(chunked('0\r\nA:\r\n\r\n', none).code).toBe(RefusalCode.trailersTooLarge);
  });

  it('limits the payload', () => {
    const five = { ...limits, maxBodyBytes: 5 };
    expect(chunked('5\r\nhello\r\n0\r\n\r\n', five).done).toBe(true);
    // Before a byte of the chunk that is too much.
    expect(chunked('5\r\nhello\r\n1\r\n', five)).toMatchObject({
      code: RefusalCode.bodyTooLarge,
      payload: 'hello',
    });
    expect(decode('close', 'hello!', 0, five).code).toBe(RefusalCode.bodyTooLarge);
    expect(decode('length', 'hello!', 6, five).code).toBe(RefusalCode.bodyTooLarge);
  });

  it('keeps nothing of the message before', () => {
    const decoder = new BodyDecoder();
    const sink = { onData: () => {} };
    const feed = (text: string) => decoder.execute(Buffer.from(text), 0, text.length, sink);
    for (let round = 0; round < 3; round++) {
      decoder.reset('chunked', 0, { ...limits, maxTrailerBytes: 20 + round });
      expect(feed('1;a=b\r\nx\r\n0\r\nA: b\r\n\r\n')).toBe(21);
      expect(decoder.trailers).toBe('A: b\r\n');
      decoder.reset('chunked', 0, limits);
      expect(decoder.trailers).toBe('');
      // Left in the middle of a line.
      feed('12;ab');
      decoder.reset('length', 2, limits);
      expect(feed('xyz')).toBe(2);
      expect(decoder).toMatchObject({ done: true, bodyBytes: 2 });
    }
  });
});
