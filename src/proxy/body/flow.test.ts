import { type Duplex, PassThrough, Transform } from 'node:stream';
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODINGS, compressorOf, createDecoder } from '../../lib/codings.ts';
import { BodyBudget } from './budget.ts';
import { BodyFlow } from './flow.ts';

const DECODE = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

/** Sends `chunks` through the streams, to a sink that is full after each `stutter` writes, or read whole. */
async function through(
  chunks: readonly Uint8Array[],
  streams: readonly Duplex[],
  { stutter = 0, read = false, late = false, budget = new BodyBudget(1e9) } = {},
): Promise<Buffer> {
  let running = false;
  let next = 0;
  const pump = () => {
    while (running && next < chunks.length) {
      const chunk = chunks[next++]!;
      // One buffer for all reads, as the gateway has it.
      const shared = Buffer.alloc(chunk.length + 2, 0xff);
      shared.set(chunk, 1);
      if (chunk.length > 0) flow.onData(shared, 1, 1 + chunk.length);
      flow.onReadEnd();
      shared.fill(0xee);
    }
    if (running && next === chunks.length) {
      next++;
      flow.onEnd('');
    }
  };
  const source = {
    start: () => {
      if (running) return;
      running = true;
      setImmediate(pump);
    },
    stop: () => {
      running = false;
    },
  };
  let failure: Error | null = null;
  const owner = {
    onFlowFailed: (error: Error) => {
      failure = error;
    },
  };
  const flow = new BodyFlow(source, owner, budget, null);
  if (!late) for (const stream of streams) flow.transform(stream);
  if (read) await flow.read(1e9);
  if (late) for (const stream of streams) flow.transform(stream);
  const out: Buffer[] = [];
  let ended = false;
  let writes = 0;
  flow.attach({
    write: (buf, from, to) => {
      out.push(Buffer.from(buf.subarray(from, to)));
      writes++;
    },
    flush: () => {
      if (stutter === 0 || writes % stutter !== 0) return true;
      setImmediate(() => flow.resume());
      return false;
    },
    end: () => {
      ended = true;
    },
  });
  while (!ended && failure === null) await new Promise((resolve) => setImmediate(resolve));
  if (failure !== null) throw failure;
  return Buffer.concat(out);
}

const chunksOf = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 });
const ways = fc.record({ stutter: fc.integer({ min: 0, max: 3 }), read: fc.boolean(), late: fc.boolean() });

describe('any chunking of any body gives the same bytes', () => {
  it('through nothing, and through streams that change nothing', async () => {
    await fc.assert(
      fc.asyncProperty(chunksOf, fc.integer({ min: 0, max: 3 }), ways, async (chunks, count, way) => {
        const streams = Array.from({ length: count }, () => new PassThrough({ highWaterMark: 100 }));
        expect(await through(chunks, streams, way)).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it.each(CODINGS)('through %s; zlib in one go undoes it', async (coding) => {
    await fc.assert(
      fc.asyncProperty(chunksOf, ways, fc.constantFrom('normal', 'low'), async (chunks, way, memory) => {
        const made = await through(chunks, [compressorOf(coding, 3).stream(memory as 'low')], way);
        // No byte went in: nothing needs to come out.
        const plain = made.length === 0 ? Buffer.alloc(0) : DECODE[coding](made);
        expect(plain).toEqual(Buffer.concat(chunks));
      }),
      { numRuns: 50 },
    );
  });

  it('there and back through three codings', async () => {
    await fc.assert(
      fc.asyncProperty(chunksOf, ways, async (chunks, way) => {
        const streams = [
          ...CODINGS.map((coding) => compressorOf(coding, 1).stream('normal')),
          ...CODINGS.toReversed().map((coding) => createDecoder(coding)!),
        ];
        expect(await through(chunks, streams, way)).toEqual(Buffer.concat(chunks));
      }),
      { numRuns: 30 },
    );
  });

  it('through gunzip, split at every byte', async () => {
    const plain = 'the quick brown fox '.repeat(20);
    const packed = gzipSync(plain);
    for (let at = 0; at <= packed.length; at++) {
      const out = await through([packed.subarray(0, at), packed.subarray(at)], [createDecoder('gzip')!]);
      expect(out.toString()).toBe(plain);
    }
  });
});

it('gives back what it took of the budget, however it ends', async () => {
  const budget = new BodyBudget(1e9);
  const chunks = [Buffer.alloc(50_000), Buffer.alloc(50_000)];
  await through(chunks, [], { read: true, budget });
  await through(chunks, [new PassThrough()], { read: true, budget });
  const failing = new Transform({ transform: (_chunk, _encoding, done) => done(new Error('boom')) });
  await expect(through(chunks, [failing], { budget })).rejects.toThrow('boom');
  await expect(through(chunks, [new PassThrough().destroy()], { budget })).rejects.toThrow();
  expect(budget.usedBytes).toBe(0);
});

it('fails when there is no room, without taking any', async () => {
  const budget = new BodyBudget(60_000);
  await expect(
    through([Buffer.alloc(50_000), Buffer.alloc(50_000)], [], { read: true, budget }),
  ).rejects.toThrow('too many bytes');
  expect(budget.usedBytes).toBe(0);
});

it('holds a body of one-byte chunks in as little memory as any other', async () => {
  const budget = new BodyBudget(1e9);
  const source = { start: () => undefined, stop: () => undefined };
  const flow = new BodyFlow(source, { onFlowFailed: () => undefined }, budget, null);
  const whole = flow.read(1_000_000);
  const byte = Buffer.from('x');
  for (let i = 0; i < 100_000; i++) flow.onData(byte, 0, 1);
  expect(budget.usedBytes).toBeLessThan(200_000);
  flow.onEnd('');
  expect((await whole)!.length).toBe(100_000);
});
