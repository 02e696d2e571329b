import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

const { constants } = zlib;

/** Content codings that can be made, the best for most content first (RFC 9110 section 8.4.1, RFC 7932, RFC 8878). */
export const CODINGS = ['zstd', 'br', 'gzip'] as const;
export type Coding = (typeof CODINGS)[number];

/** `low`: streams that stay open for long and say little, such as events; they get small windows. */
export type Memory = 'normal' | 'low';

/** One coding at one level. */
export interface Compressor {
  readonly coding: Coding;
  /** In one go, on this thread: for small contents only. */
  compress(bytes: Uint8Array): Buffer;
  /** What is written in one piece can be decoded as soon as it has come out: a stream of events stays one. */
  stream(memory: Memory): Transform;
}

/** @param level as the coding counts: gzip 1–9, br 0–11, zstd 1–19 */
export function compressorOf(coding: Coding, level: number): Compressor {
  switch (coding) {
    case 'gzip':
      return gzip(level);
    case 'br':
      return brotli(level);
    case 'zstd':
      return zstd(level);
  }
}

function gzip(level: number): Compressor {
  const low = { windowBits: 13, memLevel: 5 };
  return {
    coding: 'gzip',
    compress: (bytes) => zlib.gzipSync(bytes, { level }),
    stream: (memory) =>
      zlib.createGzip({ level, flush: constants.Z_SYNC_FLUSH, ...(memory === 'low' ? low : {}) }),
  };
}

/** Brotli's own default window of 4 MB would be taken for every answer. */
const BROTLI_WINDOW = { normal: 18, low: 14 };
const ZSTD_WINDOW = { normal: 18, low: 14 };

function brotli(level: number): Compressor {
  const params = (memory: Memory) => ({
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW[memory],
  });
  return {
    coding: 'br',
    compress: (bytes) =>
      zlib.brotliCompressSync(bytes, {
        params: { ...params('normal'), [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      }),
    stream: (memory) =>
      zlib.createBrotliCompress({ params: params(memory), flush: constants.BROTLI_OPERATION_FLUSH }),
  };
}

function zstd(level: number): Compressor {
  const params = (memory: Memory) => ({
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: ZSTD_WINDOW[memory],
  });
  return {
    coding: 'zstd',
    compress: (bytes) => zlib.zstdCompressSync(bytes, { params: params('normal') }),
    stream: (memory) => zlib.createZstdCompress({ params: params(memory), flush: constants.ZSTD_e_flush }),
  };
}

/** Undoes a coding; `bytesWritten` counts what went into it so far. */
export type Decoder = Transform & { readonly bytesWritten: number };

/** Codings that can be undone, by the names that messages use; null for any other. */
export function createDecoder(coding: string): Decoder | null {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      // Larger windows are not to be expected of a decoder (RFC 8878 section 3.1.1.1.2).
      return zlib.createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
    default:
      return null;
  }
}
