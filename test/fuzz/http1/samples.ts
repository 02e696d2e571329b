import { mutate, Random } from './mutate.ts';

/** Valid requests of every framing and form, as bytes in latin1. */
export const REQUESTS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'GET /a/b;c=1/%41?x=1&y=[2]|3 HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nX-One: two three\t\r\nEmpty:\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nConnection: keep-alive\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello',
  'POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n',
  'PUT /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b;c="d e"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-Two:\r\n\r\n',
  'GET /old HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n',
  'GET http://a.example/abs?q HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'POST /e HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  '\r\nDELETE /d HTTP/1.1\r\nHost: a.example\r\n\r\nGET /second HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'POST /1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n',
];

/** Valid responses, each with the method that it answers. */
export const RESPONSES: readonly (readonly [method: string, text: string])[] = [
  ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello'],
  ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  [
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  ],
  ['GET', 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nX-Odd: \xe9 "\\\r\n\r\ngone'],
  ['GET', 'HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end'],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n'],
  ['GET', 'HTTP/1.1 204 No Content\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\n\r\n'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 500\r\n\r\n'],
  ['GET', 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok'],
  [
    'POST',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: keep-alive, X-A\r\n\r\n',
  ],
  ['GET', 'HTTP/1.1 500 \r\nContent-Length: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nx'],
];

/** How many mutants each fuzz test tries: `HTTP1_FUZZ_SAMPLES`. */
export function sampleCount(usual: number): number {
  return Number(process.env.HTTP1_FUZZ_SAMPLES ?? usual);
}

/** The first seed: `HTTP1_FUZZ_SEED`. Sample n has the seed of the first plus n. */
export const FIRST_SEED = Number(process.env.HTTP1_FUZZ_SEED ?? 1);

/** Long enough for a million samples; a run of the usual size takes a few seconds. */
export const FUZZ_TIMEOUT_MS = 3_600_000;

export interface RequestSample {
  seed: number;
  text: string;
}

export function requestSample(seed: number): RequestSample {
  const random = new Random(seed);
  return { seed, text: mutate(random.pick(REQUESTS), random, REQUESTS) };
}

export interface ResponseSample extends RequestSample {
  method: string;
}

const RESPONSE_TEXTS = RESPONSES.map(([, text]) => text);

export function responseSample(seed: number): ResponseSample {
  const random = new Random(seed);
  const [method, text] = random.pick(RESPONSES);
  return { seed, method, text: mutate(text, random, RESPONSE_TEXTS) };
}

/**
 * The bytes of a sample without two things that the codec takes on purpose and llhttp refuses: HTTP/1.2 to 1.9, which is
 * read as 1.1, and framing fields among trailers, which are dropped. Unit tests hold those.
 */
export function comparableBytes(text: string): Buffer {
  const shown = text
    .replace(/HTTP\/1\.[2-9](?=\r\n| )/g, 'HTTP/1.1')
    .replace(/(?<=\r\n0+(?:;[^\r\n]*)?\r\n)(?:[^\r\n]+\r\n)+(?=\r\n)/g, (trailers) =>
      trailers.replace(/^(content-length|transfer-encoding|connection|upgrade)(?=:)/gim, (name) =>
        'x'.repeat(name.length),
      ),
    );
  return Buffer.from(shown, 'latin1');
}
