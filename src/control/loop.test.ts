import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { Finding } from '../ir/finding.ts';
import { NO_CHANGE } from '../ir/gateway.ts';
import type { ObjectRef } from '../ir/origin.ts';
import type { GatewaySettings } from '../ir/settings.ts';
import { createValidators } from '../resources/validate/validators.ts';
import { readDocument } from '../sources/files/document.ts';
import { splitDocuments } from '../sources/files/split.ts';
import type { ResourceChange, ResourceSource, SourcedObject } from '../sources/source.ts';
import { Translator } from '../translate/translator.ts';
import { ControlLoop } from './loop.ts';
import { Publisher } from './publisher.ts';
import { NO_CACHE, NO_LIMITS, STUB, type StubStart } from './stub-thread.ts';
import { ThreadPool } from './threads.ts';

/** A source that says what it is told to say. */
class ScriptedSource implements ResourceSource {
  emit: (change: ResourceChange) => void = () => {};
  readonly #first: readonly SourcedObject[];

  constructor(first: readonly SourcedObject[]) {
    this.#first = first;
  }

  async start(onChange: (change: ResourceChange) => void): Promise<void> {
    this.emit = onChange;
    onChange({ upsert: this.#first, remove: [], findings: [] });
  }

  async stop(): Promise<void> {}

  upsert(...objects: readonly SourcedObject[]): void {
    this.emit({ upsert: objects, remove: [], findings: [] });
  }

  remove(...refs: readonly ObjectRef[]): void {
    this.emit({ upsert: [], remove: refs, findings: [] });
  }
}

const log = { info: () => {}, warn: () => {}, error: () => {} };
const validators = createValidators(new Map());
const open: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

function objects(text: string): readonly SourcedObject[] {
  return splitDocuments(text).flatMap((document) =>
    readDocument('test.yaml', document, validators).entries.map((entry) => entry.good!),
  );
}

const route = (name: string, status = 200): SourcedObject =>
  objects(
    `{ apiVersion: portreeve.dev/v1alpha1, kind: GatewayRoute, metadata: { name: ${name} }, spec: { rules: [{ respond: { status: ${status} } }] } }`,
  )[0]!;

const BACKEND = `
apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: forwards }
spec: { rules: [{ backends: [{ service: { name: s, port: 80 } }] }] }
---
{ apiVersion: v1, kind: Service, metadata: { name: s }, spec: { ports: [{ port: 80 }] } }
`;
const slice = (address: string): SourcedObject =>
  objects(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: x, labels: { kubernetes.io/service-name: s } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [{ addresses: [${address}] }]
`)[0]!;

async function start(
  source: ResourceSource,
  found: (findings: readonly Finding[]) => void = () => {},
  review: () => readonly Finding[] = () => [],
) {
  const shared = new Int32Array(new SharedArrayBuffer(32));
  const pool = new ThreadPool({
    entry: new URL('./stub-thread.ts', import.meta.url),
    count: 1,
    start: (threadId): StubStart => ({
      threadId,
      settings: {} as GatewaySettings,
      limits: NO_LIMITS,
      cache: NO_CACHE,
      ticketKeys: { shared: new SharedArrayBuffer(0) },
      shared,
    }),
    backoffMs: 5,
    maxBackoffMs: 50,
    log,
  });
  const publisher = new Publisher(pool, log);
  pool.start({
    started: (threadId) => publisher.started(threadId),
    lost: (threadId) => publisher.lost(threadId),
    message: (threadId, message) => publisher.message(threadId, message as never),
  });
  const backends = {
    allowUrls: true,
    allowLoopback: true,
    allowLinkLocal: false,
    allowExternalNames: false,
    crossNamespace: { kind: 'any' as const },
  };
  const translator = new Translator({ listeners: [], catalogue: new Map(), globalPolicies: [], backends });
  const loop = new ControlLoop({ source, translator, publisher, review, onFindings: found });
  open.push(loop, pool);
  await loop.start();
  return { publisher, loop, shared };
}

test('the first generation is published with the start, even when there is nothing to serve', async () => {
  const { publisher, shared } = await start(new ScriptedSource([]));
  expect(publisher.generation).toBe(1);
  await publisher.programmed(1);
  expect(shared[STUB.applies]).toBe(1);
});

test('a large first table comes in parts, as one generation; so it is for a thread that starts later', async () => {
  const routes = Array.from({ length: 1200 }, (_, index) => route(`r${index}`));
  const { publisher, shared } = await start(new ScriptedSource([...routes, ...objects(BACKEND)]));
  await publisher.programmed(1);
  expect([shared[STUB.stages], shared[STUB.applies], shared[STUB.routes], shared[STUB.endpoints]]).toEqual([
    2, 1, 1201, 1,
  ]);
  expect([publisher.generation, publisher.state.ir.routes.length]).toEqual([1, 1201]);
  Atomics.store(shared, STUB.dieOnApply, 1);
  await publisher.programmed(publisher.publish(NO_CHANGE, []));
  expect([shared[STUB.stages], shared[STUB.applies], shared[STUB.routes]]).toEqual([2, 2, 1201]);
});

test('a change is a generation; one of endpoints is none', async () => {
  const source = new ScriptedSource(objects(BACKEND));
  const { publisher, shared } = await start(source);
  source.upsert(route('a'));
  await vi.waitFor(() => expect(publisher.applied).toBe(2));
  source.upsert(slice('10.0.0.1'));
  await vi.waitFor(() => expect(publisher.state.endpoints[0]?.endpoints).toHaveLength(1));
  await sleep(30);
  source.upsert(slice('10.0.0.2'));
  await vi.waitFor(() => expect(publisher.state.endpoints[0]?.endpoints[0]?.address).toBe('10.0.0.2'));
  expect([publisher.generation, shared[STUB.applies]]).toEqual([2, 2]);
});

test('a storm becomes few generations and loses nothing', async () => {
  const source = new ScriptedSource([]);
  const { publisher, shared } = await start(source);
  for (let round = 0; round < 50; round += 1) {
    source.upsert(route(`kept-${round}`), route(`passing-${round}`));
    source.remove(route(`passing-${round}`).ref);
    if (round % 10 === 9) await sleep(1);
  }
  await vi.waitFor(() => expect(publisher.state.ir.routes).toHaveLength(50));
  await publisher.programmed(publisher.generation);
  expect(shared[STUB.routes]).toBe(50);
  expect(publisher.generation).toBeLessThan(20);
});

test('findings are handed on when changes pause', async () => {
  const told: (readonly Finding[])[] = [];
  const source = new ScriptedSource([]);
  await start(source, (findings) => told.push(findings));
  source.upsert(...objects(BACKEND).slice(0, 1));
  await vi.waitFor(() => expect(told.at(-1)?.map(({ code }) => code)).toEqual(['backendNotFound']));
  source.upsert(...objects(BACKEND).slice(1));
  await vi.waitFor(() => expect(told.at(-1)).toEqual([]));
});

test('what needs all routes is not looked at again for a change of endpoints', async () => {
  const told: (readonly Finding[])[] = [];
  let reviews = 0;
  const source = new ScriptedSource(objects(BACKEND));
  const found: Finding = { code: 'unreadable', message: '', origin: route('a').origin('') };
  const { publisher } = await start(
    source,
    (findings) => told.push(findings),
    () => {
      reviews += 1;
      return [found];
    },
  );
  await vi.waitFor(() => expect(told).toHaveLength(1));
  source.upsert(slice('10.0.0.1'));
  await vi.waitFor(() => expect(told).toHaveLength(2));
  expect([reviews, publisher.generation, told.at(-1)]).toEqual([1, 1, [found]]);
  source.upsert(route('a'));
  await vi.waitFor(() => expect(told).toHaveLength(3));
  expect([reviews, publisher.generation]).toEqual([2, 2]);
});

test('nothing is published after a stop', async () => {
  const source = new ScriptedSource([]);
  const { publisher, loop } = await start(source);
  source.upsert(route('a'));
  await loop.stop();
  await sleep(40);
  expect(publisher.generation).toBe(1);
});
