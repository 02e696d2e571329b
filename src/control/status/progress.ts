import type { Acknowledgement, AckPage } from '../../ir/acks.ts';

/** How far a version of an object has come over the ready replicas. */
export interface Progress {
  /** Replicas that serve it. */
  readonly done: number;
  readonly total: number;
  /** Why a rule of it answers 500 on one of them; null: on none. */
  readonly failure: string | null;
}

interface Replica {
  epoch: string;
  cursor: number;
  attended: boolean;
  readonly acks: Map<string, Acknowledgement>;
}

/** What the ready replicas have acknowledged, as far as it is known here. */
export class ReplicaProgress {
  readonly #replicas = new Map<string, Replica>();

  /** The replicas that are ready. Those that are new have acknowledged nothing yet. */
  setReplicas(names: ReadonlySet<string>): void {
    for (const name of this.#replicas.keys()) if (!names.has(name)) this.#replicas.delete(name);
    for (const name of names) {
      if (!this.#replicas.has(name))
        this.#replicas.set(name, { epoch: '', cursor: 0, attended: true, acks: new Map() });
    }
  }

  /** From where a replica is to be asked; null when it is none of the ready ones. */
  position(name: string): Pick<AckPage, 'epoch' | 'cursor'> | null {
    const replica = this.#replicas.get(name);
    return replica === undefined ? null : { epoch: replica.epoch, cursor: replica.cursor };
  }

  /** @returns the keys of the objects that it is about; `all`: whether the replica counts is different from now on */
  take(name: string, page: AckPage): readonly string[] | 'all' {
    const replica = this.#replicas.get(name);
    if (replica === undefined) return [];
    const keys = new Set(page.acks.map((ack) => ack.key));
    if (replica.epoch !== page.epoch) {
      for (const key of replica.acks.keys()) keys.add(key);
      replica.acks.clear();
    }
    replica.epoch = page.epoch;
    replica.cursor = page.cursor;
    for (const ack of page.acks) replica.acks.set(ack.key, ack);
    if (replica.attended === page.attended) return [...keys];
    replica.attended = page.attended;
    return 'all';
  }

  /** An object that is gone. */
  forget(key: string): void {
    for (const { acks } of this.#replicas.values()) acks.delete(key);
  }

  /** Replicas that nobody follows have nobody to wait for, unless that is all of them: then nothing is served. */
  of(key: string, version: string): Progress {
    const attended = [...this.#replicas.values()].filter((replica) => replica.attended);
    let done = 0;
    let failure: string | null = null;
    for (const { acks } of attended) {
      const ack = acks.get(key);
      if (ack?.version !== version) continue;
      done += 1;
      failure ??= ack.failure;
    }
    return { done, total: attended.length || this.#replicas.size, failure };
  }
}
