import type { Duplex } from 'node:stream';
import type { BodyTap } from '../../pipeline/body.ts';
import { GatewayError } from '../../pipeline/errors.ts';
import { type BodyBudget, memoryFull } from './budget.ts';
import type { BodyLength, FlowOwner, FlowSink, FlowSource } from './flow-ends.ts';
import { HeldBody } from './held-body.ts';
import { type Reader, unheeded } from './reader.ts';
import { destroyQuietly, type Stage, Stages } from './stages.ts';

/**
 * One body on its way through what policies made of it:
 *
 *   source → stage → stage → … → held → sink
 *
 * A stage watches or changes the bytes. What comes out of the last one is held while a policy reads it or nobody takes it; from
 * `attach` on it goes to the sink. Whoever is slow stops the one before it, up to the source.
 */
export class BodyFlow {
  /** Everything has come out of the last stage; it is held, or was delivered. */
  ended = false;
  trailers = '';
  readonly #source: FlowSource;
  readonly #owner: FlowOwner;
  readonly #held: HeldBody;
  /** What was announced of the bytes of the source; null: nothing. */
  readonly #announced: number | null;
  readonly #stages = new Stages();
  /** What one read of the source brought, for a stream. */
  #gathered: HeldBody | null = null;
  readonly #budget: BodyBudget;
  #changed: 'no' | 'streamed' | 'replaced' = 'no';
  #sourceEnded = false;
  #closed = false;
  #reader: Reader | null = null;
  #sink: FlowSink | null = null;

  constructor(source: FlowSource, owner: FlowOwner, budget: BodyBudget, announced: number | null) {
    this.#source = source;
    this.#owner = owner;
    this.#budget = budget;
    this.#held = new HeldBody(budget);
    this.#announced = announced;
  }

  /** Somebody takes what comes. */
  get flowing(): boolean {
    return this.#reader !== null || this.#sink !== null;
  }

  get attached(): boolean {
    return this.#sink !== null;
  }

  /** A policy waits for bytes. */
  get reading(): boolean {
    return this.#reader !== null;
  }

  /** What to say about it once it is sent on: known when it is here. */
  get length(): BodyLength {
    if (this.#changed === 'no') return 'asSent';
    return this.ended ? this.#held.length : 'unknown';
  }

  /** As `MessageBody.length`. */
  get knownBytes(): number | null {
    if (this.ended) return this.#held.length;
    return this.#changed === 'no' ? this.#announced : null;
  }

  /** What is held now: all of it when it has `ended`. */
  get held(): Buffer {
    return this.#held.bytes;
  }

  // --- the policies' side

  read(maxBytes: number): Uint8Array | null | Promise<Uint8Array | null> {
    if (this.#reader !== null) throw new Error('the body is being read already');
    if (this.#closed) {
      return unheeded(Promise.reject(new GatewayError('gateway', 'internal', false, 'the exchange is over')));
    }
    if (this.#held.length > maxBytes) return null;
    if (this.ended) return this.#held.bytes;
    const known = this.knownBytes;
    if (known !== null && known > maxBytes) return null;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
    this.#reader = { maxBytes, resolve, reject };
    this.#pull();
    return unheeded(promise);
  }

  /** Bytes are not copied. */
  replace(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#source.stop();
    this.#stages.drop();
    this.#changed = 'replaced';
    this.#sourceEnded = true;
    this.ended = true;
    this.trailers = '';
    this.#gathered?.drop();
    this.#held.hold(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  transform(stream: Duplex, explain: (error: Error) => Error = (error) => error): void {
    if (this.#closed) {
      destroyQuietly(stream);
      return;
    }
    const index = this.#stages.count;
    const stage: Stage = { kind: 'stream', stream };
    this.#stages.add(stage);
    this.#changed = 'streamed';
    const isLive = () => this.#stages.at(index) === stage;
    stream
      .pause()
      .on('data', (chunk: Buffer) => isLive() && this.#onStreamData(index, chunk))
      .on('drain', () => isLive() && this.#resumeBefore(index))
      .on('end', () => isLive() && this.#passEnd(index + 1))
      .on('error', (error: Error) => isLive() && this.#fail(explain(error)))
      .on('close', () => {
        if (isLive() && !stream.readableEnded) this.#fail(new Error('a stream closed before its end'));
      });
    if (this.#held.length > 0) stream.write(this.#held.take());
    if (!this.ended) return;
    this.ended = false;
    stream.end();
  }

  tap(tap: BodyTap): void {
    if (this.#closed) {
      tap.onAbort();
      return;
    }
    if (this.#held.length > 0) tap.onData(this.#held.bytes);
    if (this.ended) tap.onEnd();
    else this.#stages.add({ kind: 'tap', tap, ended: false });
  }

  // --- the source's side

  onData(buf: Uint8Array, from: number, to: number): void {
    if (!this.#closed && !this.#sourceEnded) this.#pass(0, buf, from, to);
  }

  /** What one read of a socket brought has been handed over. */
  onReadEnd(): void {
    if (this.#closed) return;
    this.#sendGathered();
    if (this.#sink !== null && this.#stages.lastStream === null && !this.#sink.flush()) this.#source.stop();
  }

  onEnd(trailers: string): void {
    if (this.#closed || this.#sourceEnded) return;
    this.#sourceEnded = true;
    this.trailers = trailers;
    this.#sendGathered();
    this.#passEnd(0);
  }

  /** What is held, all of the body, was sent and is not sent again. */
  release(): void {
    this.#held.drop();
  }

  /** The exchange is over, or the body is of no more use. */
  abort(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink = null;
    this.#stages.drop();
    this.#held.drop();
    this.#gathered?.drop();
    const reader = this.#reader;
    this.#reader = null;
    reader?.reject(error);
  }

  // --- the sink's side

  /** The head was sent: what is held follows, then what comes. */
  attach(sink: FlowSink): void {
    this.#sink = sink;
    if (this.#held.length > 0) {
      const bytes = this.#held.take();
      sink.write(bytes, 0, bytes.length);
    }
    if (this.ended) {
      sink.end(this.trailers);
      return;
    }
    if (sink.flush()) this.#pull();
  }

  /** The sink can take more. */
  resume(): void {
    if (!this.#closed && this.#sink !== null && !this.ended) this.#pull();
  }

  /** The sink takes no more for now. */
  pause(): void {
    if (this.#closed) return;
    const last = this.#stages.lastStream;
    if (last === null) this.#source.stop();
    else last.pause();
  }

  // --- inside

  #pull(): void {
    this.#stages.resume();
    const first = this.#stages.firstStream;
    if (!this.#sourceEnded && (first === null || !first.writableNeedDrain)) this.#source.start();
  }

  /** Bytes before stage `first` pass taps up to a stream or the end. */
  #pass(first: number, buf: Uint8Array, from: number, to: number): void {
    for (let i = first; i < this.#stages.count; i++) {
      const stage = this.#stages.at(i)!;
      if (stage.kind === 'tap') {
        stage.tap.onData(buf.subarray(from, to));
        continue;
      }
      if (first === 0) {
        this.#gathered ??= new HeldBody(this.#budget);
        if (!this.#gathered.add(buf, from, to)) this.#fail(memoryFull());
      } else if (!stage.stream.write(buf.subarray(from, to))) this.#stopBefore(i);
      return;
    }
    if (this.#sink !== null) this.#sink.write(buf, from, to);
    else this.#hold(buf, from, to);
  }

  #hold(buf: Uint8Array, from: number, to: number): void {
    if (!this.#held.add(buf, from, to)) {
      this.#fail(memoryFull());
      return;
    }
    if (this.#reader === null) this.pause();
    else if (this.#held.length > this.#reader.maxBytes) {
      this.pause();
      this.#settle(null);
    }
  }

  #sendGathered(): void {
    const gathered = this.#gathered;
    if (gathered === null || gathered.length === 0) return;
    const first = this.#stages.firstStream;
    if (first !== null && !first.write(gathered.take())) this.#source.stop();
  }

  #onStreamData(index: number, chunk: Buffer): void {
    this.#pass(index + 1, chunk, 0, chunk.length);
    if (this.#sink !== null && this.#stages.isLastStream(index) && !this.#sink.flush()) this.pause();
  }

  /** The end of what comes before stage `first`. */
  #passEnd(first: number): void {
    if (this.#closed) return;
    for (let i = first; i < this.#stages.count; i++) {
      const stage = this.#stages.at(i)!;
      if (stage.kind === 'stream') {
        stage.stream.end();
        return;
      }
      stage.ended = true;
      stage.tap.onEnd();
    }
    this.ended = true;
    if (this.#reader !== null) this.#settle(this.#held.bytes);
    this.#sink?.end(this.trailers);
  }

  #settle(bytes: Uint8Array | null): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve(bytes);
  }

  #stopBefore(index: number): void {
    const before = this.#stages.streamBefore(index);
    if (before === null) this.#source.stop();
    else before.pause();
  }

  #resumeBefore(index: number): void {
    if (this.#closed) return;
    const before = this.#stages.streamBefore(index);
    if (before !== null) before.resume();
    else if (!this.#sourceEnded) this.#source.start();
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.abort(error);
    this.#owner.onFlowFailed(error);
  }
}
