import { Buffer } from 'node:buffer';

/** Methods of Buffer that its type definitions leave out; `toString('latin1')` costs three times as much. */
interface Latin1 {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
}

/** Bytes [start,end) as one string, one character an octet. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buf = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return (buf as Buffer & Latin1).latin1Slice(start, end);
}

/** Whether bytes [start,end) are `text`, one character an octet. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const { length } = text;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

let scratch = Buffer.allocUnsafeSlow(16_384);

/** The octets of `text`, which has no character above 0xff, at the start of a buffer that the next call overwrites. */
export function octetsOf(text: string): Buffer {
  if (text.length > scratch.length) scratch = Buffer.allocUnsafeSlow(text.length * 2);
  (scratch as Buffer & Latin1).latin1Write(text, 0);
  return scratch;
}
