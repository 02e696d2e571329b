/**
 * Nanoseconds per parse of the HTTP/1.1 codec: `node bench/micro/codec.ts [rounds]`. Each figure covers the search for
 * the end of the head, the making of its string and the parse, as a connection does it. The median of the
 * rounds is printed, and the fastest.
 */
import { BodyDecoder } from '../../src/proxy/http1/body-decoder.ts';
import { HeadScanner } from '../../src/proxy/http1/head-scanner.ts';
import { RequestHead, readRequestHead } from '../../src/proxy/http1/request-head.ts';
import { ResponseHead, readResponseHead } from '../../src/proxy/http1/response-head.ts';

const ITERATIONS = 100_000;
const ROUNDS = Number(process.argv[2] ?? 15);
const limits = { maxHeadBytes: 32_768, maxHeaders: 100, maxTargetBytes: 8192 };
const bodyLimits = { maxTrailerBytes: 4096, maxChunkExtensionBytes: 256, maxBodyBytes: 0 };

const smallGet = head([
  'GET /api/v1/users/4711?fields=name HTTP/1.1',
  'Host: api.example.com',
  'User-Agent: bench/1.0',
  'Accept: application/json, */*',
  'X-Trace: 0123456789abcdef01',
]);

const browserGet = head([
  'GET /shop/articles/2026/11/winter?colour=red&size=xl HTTP/1.1',
  'Host: shop.example.com:8443',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=necessary',
  'Cache-Control: no-cache',
  'Referer: https://shop.example.com/shop/articles',
  'X-Forwarded-For: 203.0.113.7',
]);

const response = head([
  'HTTP/1.1 200 OK',
  'Server: backend/2.4',
  'Date: Tue, 24 Nov 2026 10:00:00 GMT',
  'Content-Type: application/json; charset=utf-8',
  'Content-Length: 200',
  'ETag: "5f2a-1c8e"',
  'Connection: keep-alive',
  'Vary: Accept',
]);

const chunks = Buffer.from(`${`10\r\n${'x'.repeat(16)}\r\n`.repeat(10)}0\r\n\r\n`, 'latin1');

function head(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

const requestScanner = new HeadScanner(limits.maxHeadBytes);
const requestHead = new RequestHead();
const responseHead = new ResponseHead();
const decoder = new BodyDecoder();
let payloadBytes = 0;
const sink = {
  onData(_buf: Uint8Array, from: number, to: number): void {
    payloadBytes += to - from;
  },
};

function parseRequest(buf: Buffer): void {
  requestScanner.reset();
  const end = requestScanner.scan(buf, 0, buf.length);
  const code = readRequestHead(buf, 0, end, requestHead, limits, null);
  if (code !== 0) throw new Error(`refused: ${code}`);
}

function parseResponse(buf: Buffer): void {
  requestScanner.reset();
  const end = requestScanner.scan(buf, 0, buf.length);
  const code = readResponseHead(buf, 0, end, 'GET', responseHead, limits, null);
  if (code !== 0) throw new Error(`refused: ${code}`);
}

function decodeChunks(buf: Buffer): void {
  decoder.reset('chunked', 0, bodyLimits);
  if (decoder.execute(buf, 0, buf.length, sink) !== buf.length) throw new Error('not decoded');
}

function measure(name: string, buf: Buffer, step: (buf: Buffer) => void): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < ITERATIONS; i++) step(buf);
    const ns = Number(process.hrtime.bigint() - start) / ITERATIONS;
    // The first two warm the compiler up.
    if (round > 1) rounds.push(ns);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[rounds.length >> 1]!;
  console.log(
    `${name.padEnd(34)} ${String(buf.length).padStart(5)} B ${median.toFixed(0).padStart(6)} ns (fastest ${rounds[0]!.toFixed(0)})`,
  );
}

measure('GET, 4 header lines', smallGet, parseRequest);
measure('GET, 10 header lines (browser)', browserGet, parseRequest);
measure('response head, 7 header lines', response, parseResponse);
measure('chunked body, 10 chunks of 16 B', chunks, decodeChunks);
if (payloadBytes === 0) throw new Error('nothing was decoded');
