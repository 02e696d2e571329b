import type { Duplex } from 'node:stream';
import type { Reply } from './reply.ts';

/**
 * The body of a message, as the policies before left it. A policy that asks for nothing here costs the message nothing: it
 * streams through. All of it works for bodies that are made here, too.
 */
export interface MessageBody {
  /** Bytes that are to come, or are here; 0: there is none; null: only its end will tell. */
  readonly length: number | null;
  /**
   * All of it, held in memory; it is not to be changed. Null when it is larger than `maxBytes`: what was read of it still goes
   * on, and others may read it with a larger limit. No promise when it is here already, or is known to be too large.
   *
   * The promise is rejected when the body breaks off, does not come in time, or the thread holds too many bytes of bodies.
   * The exchange is then over and answered: there is nothing to catch, `finally` is enough.
   */
  read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null>;
  /** Other bytes in place of these; what was not read of them is thrown away. Content-Length follows, other headers don't. */
  replace(bytes: Uint8Array): void;
  /**
   * Passes it through a stream of bytes, with back-pressure to both sides. Its length is then unknown until its end. The stream
   * is destroyed when the exchange is over, and at once when there is no body. An error of the stream ends the exchange:
   * a {@link BodyRefusal} with its reply, any other with 500, and when the answer has begun by cutting the connection.
   * @param explain gives the error of the stream its meaning: whose fault is it
   */
  transform(stream: Duplex, explain?: (error: Error) => Error): void;
}

/** Watches the bytes of an answer, without holding them up. */
export interface BodyTap {
  /** The bytes change after the call: copy what is to be kept. */
  onData(bytes: Uint8Array): void;
  /** All of the body has passed here. Also called when there is none. */
  onEnd(): void;
  /** It broke off, or was replaced before its end: what has passed is not the whole. */
  onAbort(): void;
}

export interface ResponseBody extends MessageBody {
  /** Bytes as policies before left them; exactly one of `onEnd` and `onAbort` is called. */
  tap(tap: BodyTap): void;
}

/** Ends the exchange with a reply, from inside a stream or a step: the client's body, or the backend's, is at fault. */
export class BodyRefusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply, message: string) {
    super(message);
    this.name = 'BodyRefusal';
    this.reply = reply;
  }
}
