import { randomUUID } from 'node:crypto';
import type { Publication, Publisher } from '../publisher.ts';
import { encodeLine } from './lines.ts';
import type { ControllerMessage, Position, TablePart } from './protocol.ts';

export interface JournalLimits {
  /** Of all lines together. */
  readonly maxBytes: number;
  /** A change of more parts is told as a full state, which needs no line as long as itself. */
  readonly maxParts: number;
}

const LIMITS: JournalLimits = { maxBytes: 8 * 1024 * 1024, maxParts: 1_000 };

/** A full state, and where in the stream it stands. */
export interface Snapshot {
  readonly sequence: number;
  readonly generation: number;
  readonly parts: readonly TablePart[];
}

/**
 * The last changes, as the lines that are sent. All data planes read from the same ones, each at its own pace; so one
 * that is slow costs no memory: what it has not read in time is gone, and it gets a full state.
 */
export class Journal {
  readonly epoch = randomUUID();
  readonly #publisher: Pick<Publisher, 'state' | 'generation'>;
  readonly #limits: JournalLimits;
  /** By sequence, the oldest first, without gaps up to `#sequence`. */
  readonly #lines = new Map<number, Buffer>();
  readonly #readers = new Set<() => void>();
  #bytes = 0;
  #sequence = 0;

  constructor(publisher: Publisher, limits: Partial<JournalLimits> = {}) {
    this.#publisher = publisher;
    this.#limits = { ...LIMITS, ...limits };
    publisher.follow((publication) => this.#append(publication));
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Bytes of the lines that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a data plane at that position can go on from there. */
  reaches({ epoch, sequence }: Position): boolean {
    return epoch === this.epoch && (sequence === this.#sequence || this.#lines.has(sequence + 1));
  }

  /** The line that follows a sequence; null when there is none yet. Only for a position that is reached. */
  after(sequence: number): Buffer | null {
    return this.#lines.get(sequence + 1) ?? null;
  }

  snapshot(): Snapshot {
    const { state, generation } = this.#publisher;
    const { routes, clusters } = state.ir;
    const parts: readonly TablePart[] = [
      ...routes.map((route): TablePart => ({ type: 'route', route })),
      ...clusters.map((cluster): TablePart => ({ type: 'cluster', cluster })),
      ...state.endpoints.map((endpoints): TablePart => ({ type: 'clusterEndpoints', endpoints })),
      ...state.secrets.map((secret): TablePart => ({ type: 'secret', secret })),
      ...state.consumers.map((consumer): TablePart => ({ type: 'consumer', consumer })),
    ];
    return { sequence: this.#sequence, generation, parts };
  }

  /** Calls whenever there is a new line, until the returned function is called. */
  onAppend(reader: () => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #append(publication: Publication): void {
    this.#sequence += 1;
    const message: ControllerMessage = { ...publication, sequence: this.#sequence };
    const line = countParts(publication) > this.#limits.maxParts ? null : encodeLine(message);
    if (line === null || line.length > this.#limits.maxBytes / 2) this.#clear();
    else this.#keep(line);
    for (const reader of this.#readers) reader();
  }

  #keep(line: Buffer): void {
    this.#lines.set(this.#sequence, line);
    this.#bytes += line.length;
    for (const [sequence, oldest] of this.#lines) {
      if (this.#bytes <= this.#limits.maxBytes) break;
      this.#lines.delete(sequence);
      this.#bytes -= oldest.length;
    }
  }

  #clear(): void {
    this.#lines.clear();
    this.#bytes = 0;
  }
}

function countParts(publication: Publication): number {
  const lists = publication.type === 'apply' ? Object.values(publication.delta) : [];
  return lists.reduce((sum, list) => sum + list.length, publication.endpoints.length);
}
