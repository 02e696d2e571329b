import { crc32 } from 'node:zlib';
import { StreamFault } from './protocol.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const CHECKSUM_CHARS = 8;

/**
 * A message as a line: checksum of the JSON text (CRC-32, eight hexadecimal digits), a space, the JSON text, a newline. JSON
 * text has no newline of its own. TLS keeps strangers out; the checksum finds the faults of our own.
 */
export function encodeLine(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const line = Buffer.allocUnsafe(CHECKSUM_CHARS + 1 + json.length + 1);
  line.write(checksum(json), 'latin1');
  line[CHECKSUM_CHARS] = SPACE;
  json.copy(line, CHECKSUM_CHARS + 1);
  line[line.length - 1] = NEWLINE;
  return line;
}

/** Takes bytes as they come and gives the messages of the lines that are whole. */
export class LineReader {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Messages are parsed one by one, so that those before a fault are still taken.
   * @throws StreamFault when a line is too long or not what was sent
   */
  *read(chunk: Buffer): Generator<unknown> {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
      yield decodeLine(line);
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes)
      throw new StreamFault(`a line is longer than the ${this.#maxBytes} bytes that are taken`);
  }
}

function decodeLine(line: Buffer): unknown {
  const json = line.subarray(CHECKSUM_CHARS + 1);
  const told = line.toString('latin1', 0, CHECKSUM_CHARS);
  if (line[CHECKSUM_CHARS] !== SPACE || told !== checksum(json))
    throw new StreamFault('a line is garbled: its checksum is another one');
  try {
    return JSON.parse(json.toString());
  } catch {
    throw new StreamFault('a line is not JSON');
  }
}

function checksum(json: Buffer): string {
  return crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0');
}
