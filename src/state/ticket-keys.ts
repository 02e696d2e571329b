import { randomFillSync } from 'node:crypto';
import type { TicketKeyMemory } from '../ir/messages.ts';

/** Name, HMAC key and AES key, as `SecureContext.setTicketKeys` takes them. */
export const TICKET_KEY_BYTES = 48;
const HEADER_BYTES = 8;

/**
 * The keys with which all threads of the program seal TLS session tickets (RFC 5077 section 4), so that each can open those of the
 * others. An Int32 counts the changes, and is odd during one; the keys follow it.
 */
export function createTicketKeyMemory(): TicketKeyMemory {
  const memory = { shared: new SharedArrayBuffer(HEADER_BYTES + TICKET_KEY_BYTES) };
  rotateTicketKeys(memory);
  return memory;
}

/** Other keys from now on. Tickets from before are not taken any more: their clients shake hands in full, once. */
export function rotateTicketKeys({ shared }: TicketKeyMemory): void {
  const version = new Int32Array(shared, 0, 1);
  Atomics.add(version, 0, 1);
  // Random bytes are not written into shared memory directly.
  const keys = randomFillSync(new Uint8Array(TICKET_KEY_BYTES));
  new Uint8Array(shared, HEADER_BYTES).set(keys);
  Atomics.add(version, 0, 1);
}

/** The keys as one thread knows them. */
export class TicketKeys {
  readonly #memory: TicketKeyMemory;
  readonly #version: Int32Array;
  #known = -1;
  #keys: Buffer = Buffer.alloc(TICKET_KEY_BYTES);

  constructor(memory: TicketKeyMemory) {
    this.#memory = memory;
    this.#version = new Int32Array(memory.shared, 0, 1);
    this.refresh();
  }

  get current(): Buffer {
    return this.#keys;
  }

  /** @returns whether they are others now */
  refresh(): boolean {
    const before = Atomics.load(this.#version, 0);
    if (before === this.#known || before % 2 !== 0) return false;
    const keys = Buffer.from(new Uint8Array(this.#memory.shared, HEADER_BYTES).slice());
    if (Atomics.load(this.#version, 0) !== before) return false;
    this.#known = before;
    this.#keys = keys;
    return true;
  }
}
