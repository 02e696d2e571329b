import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CertificatePair } from './certificate.ts';
import { CertificateKeeper, type CertificateObjects, type SeenSecret } from './keeper.ts';
import { encodeState, type SecretData } from './shared-state.ts';
import { issue, NAMES } from './testing.ts';

/** What an API server keeps: a Secret that is written only by those who have seen its last version. */
class Shared {
  data: SecretData | null = null;
  version = 0;
  trusted: string | null = '';
  readonly listeners = new Set<() => void>();
  conflicts = 0;
  failures: Error[] = [];
  /** Writing what API servers trust fails. */
  holdTrusted = false;

  edit(data: SecretData | null): void {
    this.data = data;
    this.version += 1;
    this.tell();
  }

  tell(): void {
    for (const listener of this.listeners) queueMicrotask(listener);
  }
}

/** One replica's sight of it. */
class View implements CertificateObjects {
  readonly #shared: Shared;
  #seen = -1;
  #data: SecretData | null | undefined;
  #onChange: (() => void) | null = null;

  constructor(shared: Shared) {
    this.#shared = shared;
  }
  secret(): SeenSecret | null | undefined {
    return this.#data == null ? this.#data : { data: this.#data, version: String(this.#seen) };
  }
  trusted(): string | null {
    return this.#shared.trusted;
  }
  async writeSecret(data: SecretData, seen: SeenSecret | null): Promise<boolean> {
    const failure = this.#shared.failures.shift();
    if (failure !== undefined) throw failure;
    if (seen === null ? this.#shared.data !== null : seen.version !== String(this.#shared.version)) {
      this.#shared.conflicts += 1;
      return false;
    }
    this.#shared.edit(data);
    [this.#data, this.#seen] = [data, this.#shared.version];
    return true;
  }
  async writeTrusted(authorities: string): Promise<boolean> {
    if (this.#shared.holdTrusted) throw new Error('forbidden');
    this.#shared.trusted = authorities;
    this.#shared.tell();
    return true;
  }
  start(onChange: () => void): void {
    this.#onChange = () => {
      [this.#data, this.#seen] = [this.#shared.data, this.#shared.version];
      onChange();
    };
    this.#shared.listeners.add(this.#onChange);
    queueMicrotask(this.#onChange);
  }
  async stop(): Promise<void> {
    if (this.#onChange !== null) this.#shared.listeners.delete(this.#onChange);
  }
}

interface Replica {
  readonly keeper: CertificateKeeper;
  readonly served: CertificatePair[];
  readonly rotated: string[];
  readonly failures: string[];
  leading: boolean;
}

const running: CertificateKeeper[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((keeper) => keeper.stop()));
});

function replica(shared: Shared, leading: boolean, lifetimeMs = 3_600_000): Replica {
  const one: Replica = {
    served: [],
    rotated: [],
    failures: [],
    leading,
    keeper: new CertificateKeeper({
      objects: new View(shared),
      rules: { names: [...NAMES], lifetimeMs, settleMs: 10_000 },
      leading: () => one.leading,
      onCertificate: (pair) => one.served.push(pair),
      onRotated: (what) => one.rotated.push(what),
      onFailure: (error) => one.failures.push(error.message),
    }),
  };
  running.push(one.keeper);
  one.keeper.start();
  return one;
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 5 });

test('where nobody leads, all is made and trusted all the same', async () => {
  const shared = new Shared();
  const all = [replica(shared, false), replica(shared, false)];
  await until(() => expect(all.map(({ served }) => served.length)).toEqual([1, 1]));
  await until(() => expect(shared.trusted).toBe(all[0]!.served[0]!.ca));
});

test('of three replicas that start together one fills the Secret, and all serve the same', async () => {
  const shared = new Shared();
  const replicas = [replica(shared, false), replica(shared, true), replica(shared, false)];
  await until(() => {
    for (const { served } of replicas) expect(served).toHaveLength(1);
  });
  expect(new Set(replicas.map(({ served }) => served[0]!.cert)).size).toBe(1);
  expect(replicas.flatMap(({ rotated }) => rotated)).toEqual(['issued']);
  await until(() => expect(shared.trusted).toBe(replicas[0]!.served[0]!.ca));
  expect(replicas.flatMap(({ failures }) => failures)).toEqual([]);
});

test('a certificate of another is served, not replaced', async () => {
  const shared = new Shared();
  const pair = await issue(Date.now());
  shared.data = encodeState({ current: pair, next: null, previousCa: null });
  const { served, rotated } = replica(shared, true);
  await until(() => expect(shared.trusted).toBe(pair.ca));
  expect(served).toEqual([pair]);
  expect(rotated).toEqual([]);
});

test('what was edited into rubbish is replaced by the leader, and never served', async () => {
  const shared = new Shared();
  const [pair, other] = [await issue(Date.now()), await issue(Date.now())];
  shared.data = encodeState({ current: { ...pair, key: other.key }, next: null, previousCa: null });
  const follower = replica(shared, false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(follower.served).toEqual([]);
  const leader = replica(shared, true);
  await until(() => expect(follower.served).toHaveLength(1));
  expect(leader.served).toEqual(follower.served);
  expect(leader.rotated).toEqual(['issued']);
});

test('a Secret that is deleted is made again', async () => {
  const shared = new Shared();
  const { served } = replica(shared, true);
  await until(() => expect(served).toHaveLength(1));
  shared.edit(null);
  await until(() => expect(served).toHaveLength(2));
  // A replica that has not seen it yet serves the old one for a while.
  await until(() => expect(shared.trusted).toContain(served[1]!.ca));
});

test('what API servers trust is written again when a hand took it away', async () => {
  const shared = new Shared();
  const { served } = replica(shared, true);
  await until(() => expect(shared.trusted).toBe(served[0]?.ca));
  shared.trusted = 'something else';
  shared.tell();
  await until(() => expect(shared.trusted).toBe(served[0]!.ca));
});

test('a failed write is told and tried again', async () => {
  const shared = new Shared();
  shared.failures = [new Error('the API server is away')];
  const { served, failures } = replica(shared, true);
  await until(() => expect(served).toHaveLength(1));
  expect(failures).toEqual(['the API server is away']);
});

describe('on a clock of its own', () => {
  const HOUR = 3_600_000;
  const realTimeout = setTimeout;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets time pass, in steps, with a while of real time after each for the keys to be made. */
  async function pass(ms: number, stepMs: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      vi.advanceTimersByTime(stepMs);
      await new Promise((resolve) => realTimeout(resolve, 10));
    }
  }

  async function passUntil(stepMs: number, holds: () => boolean): Promise<void> {
    for (let step = 0; step < 500 && !holds(); step++) await pass(stepMs, stepMs);
    expect(holds()).toBe(true);
  }

  test('the leader rotates, time and again, and what is served was trusted before', async () => {
    const shared = new Shared();
    const leader = replica(shared, true, 30 * HOUR);
    await passUntil(1, () => leader.served.length === 1 && shared.trusted !== '');
    const follower = replica(shared, false, 30 * HOUR);
    const untrusted: string[] = [];
    for (const { served } of [leader, follower]) {
      const push = served.push.bind(served);
      served.push = (pair) => {
        if (!shared.trusted!.includes(pair.ca)) untrusted.push(pair.ca);
        return push(pair);
      };
    }
    await passUntil(HOUR, () => follower.served.length === 4);
    expect(untrusted).toEqual([]);
    expect(leader.rotated.slice(0, 5)).toEqual(['issued', 'staged', 'promoted', 'staged', 'promoted']);
    expect(follower.rotated).toEqual([]);
    const certs = ({ served }: Replica) => served.map(({ cert }) => cert);
    expect(certs(follower)).toEqual(certs(leader));
    expect(new Set(certs(follower)).size).toBe(4);
  });

  test('another takes over in mid-rotation', async () => {
    const shared = new Shared();
    const first = replica(shared, true, 30 * HOUR);
    await passUntil(1, () => first.served.length === 1);
    const second = replica(shared, false, 30 * HOUR);
    await passUntil(HOUR, () => first.rotated.includes('staged'));
    first.leading = false;
    second.leading = true;
    second.keeper.look();
    await passUntil(HOUR, () => second.rotated.includes('staged'));
    expect(second.rotated).toEqual(['promoted', 'staged']);
    expect(first.rotated).toEqual(['issued', 'staged']);
    expect(first.served).toEqual(second.served);
  });

  test('nothing is served of the next certificate before API servers can know it', async () => {
    const shared = new Shared();
    const leader = replica(shared, true, 30 * HOUR);
    await passUntil(1, () => leader.served.length === 1 && shared.trusted !== '');
    shared.holdTrusted = true;
    await pass(25 * HOUR, HOUR);
    expect(leader.rotated).toEqual(['issued', 'staged']);
    expect(leader.served).toHaveLength(1);
    shared.holdTrusted = false;
    await passUntil(60_000, () => leader.rotated.includes('promoted'));
    expect(shared.trusted).toContain(leader.served[1]!.ca);
  });
});
