import type { Duplex } from 'node:stream';
import type { BindFailure } from '../../ir/messages.ts';
import type { Journal, Snapshot } from './journal.ts';
import { encodeLine, LineReader } from './lines.ts';
import {
  type ControllerMessage,
  type DataPlaneMessage,
  type Position,
  StreamFault,
  type StreamTiming,
} from './protocol.ts';

export interface SessionEvents {
  acknowledged(generation: number, failures: readonly BindFailure[]): void;
  /** Called once. `leaving`: the data plane has said that it ends. */
  ended(reason: string, leaving: boolean): void;
}

/** A data plane says little. */
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * One data plane's end of the stream, in the controller. Whenever its socket takes more, one of three things is written:
 *   a part of a full state   while one is under way;
 *   the next line            of the journal, when it still has it;
 *   a new full state         when it does not.
 * So never more waits in memory than a line and what the socket buffers.
 */
export class Session {
  readonly #socket: Duplex;
  readonly #journal: Journal;
  readonly #timing: StreamTiming;
  readonly #events: SessionEvents;
  readonly #reader = new LineReader(MAX_LINE_BYTES);
  readonly #stopReading: () => void;
  readonly #timer: NodeJS.Timeout;
  #sequence: number;
  #full: { readonly snapshot: Snapshot; next: number } | null = null;
  #fullStates = 0;
  #blocked = false;
  #wroteAtMs = performance.now();
  #heardAtMs = performance.now();
  #leaving = false;
  #ended = false;

  constructor(
    socket: Duplex,
    journal: Journal,
    from: Position | null,
    timing: StreamTiming,
    events: SessionEvents,
  ) {
    this.#socket = socket;
    this.#journal = journal;
    this.#timing = timing;
    this.#events = events;
    const resumed = from !== null && journal.reaches(from);
    this.#sequence = resumed ? from.sequence : -1;
    socket.on('drain', () => this.#unblock());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error: Error) => this.#end(error.message));
    socket.on('close', () => this.#end('the connection was closed'));
    this.#stopReading = journal.onAppend(() => this.#pump());
    this.#timer = setInterval(() => this.#tick(), timing.beatMs / 2);
    this.#write({ type: 'hello', epoch: journal.epoch, resumed });
    this.#pump();
  }

  /** Full states that were begun. */
  get fullStates(): number {
    return this.#fullStates;
  }

  /** Bytes that wait in the socket. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Says good-bye, so that the data plane comes back at once. */
  close(reason: string): void {
    if (!this.#ended) this.#socket.end(encodeLine({ type: 'bye' } satisfies ControllerMessage));
    this.#end(reason);
  }

  #pump(): void {
    while (!this.#blocked && !this.#ended) {
      if (this.#full !== null) this.#writePart(this.#full);
      else if (!this.#journal.reaches({ epoch: this.#journal.epoch, sequence: this.#sequence }))
        this.#begin();
      else {
        const line = this.#journal.after(this.#sequence);
        if (line === null) return;
        this.#sequence += 1;
        this.#send(line);
      }
    }
  }

  #begin(): void {
    const snapshot = this.#journal.snapshot();
    this.#full = { snapshot, next: 0 };
    this.#fullStates += 1;
    const { sequence, generation, parts } = snapshot;
    this.#write({ type: 'full', sequence, generation, parts: parts.length });
  }

  #writePart(full: { readonly snapshot: Snapshot; next: number }): void {
    const { parts, sequence } = full.snapshot;
    const part = parts[full.next];
    if (part === undefined) {
      this.#full = null;
      this.#sequence = sequence;
      this.#write({ type: 'end', sequence });
    } else {
      full.next += 1;
      this.#write(part);
    }
  }

  #write(message: ControllerMessage): void {
    this.#send(encodeLine(message));
  }

  #send(line: Buffer): void {
    this.#wroteAtMs = performance.now();
    this.#blocked = !this.#socket.write(line);
  }

  #unblock(): void {
    this.#blocked = false;
    this.#pump();
  }

  #tick(): void {
    const nowMs = performance.now();
    const { beatMs, silenceMs } = this.#timing;
    if (nowMs - this.#heardAtMs > silenceMs) {
      this.#socket.destroy();
      this.#end(`nothing came from it for ${silenceMs} ms`);
    } else if (!this.#blocked && this.#full === null && nowMs - this.#wroteAtMs >= beatMs / 2) {
      this.#write({ type: 'beat', sequence: this.#sequence });
    }
  }

  #receive(chunk: Buffer): void {
    this.#heardAtMs = performance.now();
    try {
      for (const message of this.#reader.read(chunk)) this.#take(message as DataPlaneMessage);
    } catch (error) {
      this.#socket.destroy();
      this.#end(error instanceof StreamFault ? error.message : 'it sent what it should not');
    }
  }

  #take(message: DataPlaneMessage): void {
    if (message.type === 'leaving') this.#leaving = true;
    if (message.type !== 'ack') return;
    if (!Number.isSafeInteger(message.generation) || !Array.isArray(message.failures))
      throw new StreamFault('an acknowledgement is none');
    this.#events.acknowledged(message.generation, message.failures);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#stopReading();
    this.#events.ended(reason, this.#leaving);
  }
}
