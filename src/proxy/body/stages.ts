import type { Duplex } from 'node:stream';
import type { BodyTap } from '../../pipeline/body.ts';

export type Stage =
  | { readonly kind: 'tap'; readonly tap: BodyTap; ended: boolean }
  | { readonly kind: 'stream'; readonly stream: Duplex };

/** What policies put into the way of a body, in the order in which they did. */
export class Stages {
  #list: Stage[] = [];

  get count(): number {
    return this.#list.length;
  }

  at(index: number): Stage | undefined {
    return this.#list[index];
  }

  add(stage: Stage): void {
    this.#list.push(stage);
  }

  /** The nearest stream before stage `index`. */
  streamBefore(index: number): Duplex | null {
    for (let i = index - 1; i >= 0; i--) {
      const stage = this.#list[i]!;
      if (stage.kind === 'stream') return stage.stream;
    }
    return null;
  }

  /** Stage `index` is a stream, and none comes after it. */
  isLastStream(index: number): boolean {
    const stage = this.#list[index];
    return stage?.kind === 'stream' && stage.stream === this.lastStream;
  }

  get firstStream(): Duplex | null {
    for (const stage of this.#list) if (stage.kind === 'stream') return stage.stream;
    return null;
  }

  get lastStream(): Duplex | null {
    return this.streamBefore(this.#list.length);
  }

  /** Lets every stream flow whose reader has room. */
  resume(): void {
    let next: Duplex | null = null;
    for (let i = this.#list.length - 1; i >= 0; i--) {
      const stage = this.#list[i]!;
      if (stage.kind !== 'stream') continue;
      if (next === null || !next.writableNeedDrain) stage.stream.resume();
      next = stage.stream;
    }
  }

  /** Ends them before their time. */
  drop(): void {
    const stages = this.#list;
    this.#list = [];
    for (const stage of stages) {
      if (stage.kind === 'stream') stage.stream.destroy();
      else if (!stage.ended) stage.tap.onAbort();
    }
  }
}

/** A stream that nobody needs. It may fail while it is being destroyed, too. */
export function destroyQuietly(stream: Duplex): void {
  stream.on('error', () => undefined).destroy();
}
