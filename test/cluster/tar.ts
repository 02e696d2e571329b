import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** One thing in a tar archive. Times and owners are all 0: the same content gives the same bytes. */
export type TarEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'text'; readonly path: string; readonly mode: number; readonly content: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      /** File on this machine whose content is taken. */
      readonly source: string;
      /** Bytes of it. */
      readonly size: number;
    };

const blockSize = 512;
const typeFlags = { directory: '5', symlink: '2', text: '0', file: '0', pax: 'x' } as const;

/** The bytes of a tar archive (POSIX ustar, with pax headers for long names), in pieces. */
export async function* tarBytes(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const size = entrySize(entry);
    yield header(entry, size);
    if (entry.kind === 'text') yield Buffer.from(entry.content);
    else if (entry.kind === 'file') yield* fileBytes(entry.source, size);
    yield padding(size);
  }
  yield Buffer.alloc(2 * blockSize);
}

/** Writes all pieces to an open file, showing each to `onBytes`. */
export async function writeBytes(
  file: FileHandle,
  pieces: AsyncIterable<Buffer>,
  onBytes: (bytes: Buffer) => void = () => {},
): Promise<void> {
  for await (const piece of pieces) {
    onBytes(piece);
    await file.writeFile(piece);
  }
}

function entrySize(entry: TarEntry): number {
  if (entry.kind === 'file') return entry.size;
  return entry.kind === 'text' ? Buffer.byteLength(entry.content) : 0;
}

async function* fileBytes(source: string, size: number): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of createReadStream(source, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    seen += bytes.length;
    yield bytes;
  }
  if (seen !== size) throw new Error(`${source}: ${seen} bytes read, ${size} expected`);
}

function padding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

function header(entry: TarEntry, size: number): Buffer {
  const path = entry.path.replace(/^\/+/, '') + (entry.kind === 'directory' ? '/' : '');
  const target = entry.kind === 'symlink' ? entry.target : '';
  const mode = entry.kind === 'symlink' ? 0o777 : entry.mode;
  const block = ustarBlock(path, target, mode, size, typeFlags[entry.kind]);
  const records: string[] = [];
  if (Buffer.byteLength(path) > 100) records.push(paxRecord('path', path));
  if (Buffer.byteLength(target) > 100) records.push(paxRecord('linkpath', target));
  if (records.length === 0) return block;
  const body = Buffer.from(records.join(''));
  return Buffer.concat([
    ustarBlock('pax', '', 0o644, body.length, typeFlags.pax),
    body,
    padding(body.length),
    block,
  ]);
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restLength = Buffer.byteLength(rest);
  let length = restLength + String(restLength).length;
  length = restLength + String(length).length;
  return length + rest;
}

function ustarBlock(path: string, target: string, mode: number, size: number, type: string): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(path.slice(0, 100), 0, 100);
  block.write(octal(mode & 0o7777, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target.slice(0, 100), 157, 100);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
