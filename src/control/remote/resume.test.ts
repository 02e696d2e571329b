import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Publisher } from '../publisher.ts';
import { Journal } from './journal.ts';
import { encodeLine, LineReader } from './lines.ts';
import { type ControllerMessage, StreamFault, TIMING } from './protocol.ts';
import { Receiver } from './receiver.ts';
import { Session } from './session.ts';
import { makeDelta, makeEndpoints, makeRoute, publisherWithoutThreads, tableOf } from './testing.ts';

/** Takes everything at once and keeps it. */
class Tape extends Duplex {
  readonly chunks: Buffer[] = [];

  constructor() {
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }
}

type Step =
  | { readonly do: 'route'; readonly name: string; readonly body: string }
  | { readonly do: 'removeRoute'; readonly name: string }
  | { readonly do: 'cluster'; readonly name: string }
  | { readonly do: 'removeCluster'; readonly name: string }
  | { readonly do: 'endpoints'; readonly name: string; readonly ports: readonly number[] };

const name = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('route' as const), name, body: fc.string({ maxLength: 8 }) }),
  fc.record({ do: fc.constant('removeRoute' as const), name }),
  fc.record({ do: fc.constant('cluster' as const), name }),
  fc.record({ do: fc.constant('removeCluster' as const), name }),
  fc.record({ do: fc.constant('endpoints' as const), name, ports: fc.array(fc.integer({ min: 1, max: 9 })) }),
);

function perform(publisher: Publisher, one: Step): void {
  const cluster = (key: string) => ({ key, service: key, protocol: { kind: 'http' as const }, host: null });
  switch (one.do) {
    case 'route':
      publisher.publish(makeDelta({ upsertRoutes: [makeRoute(one.name, one.body)] }), []);
      break;
    case 'removeRoute':
      publisher.publish(makeDelta({ removeRoutes: [makeRoute(one.name).key] }), []);
      break;
    case 'cluster':
      publisher.publish(makeDelta({ upsertClusters: [cluster(one.name)] }), []);
      break;
    case 'removeCluster':
      publisher.publish(makeDelta({ removeClusters: [one.name] }), []);
      break;
    case 'endpoints':
      publisher.publishEndpoints([makeEndpoints(one.name, ...one.ports)]);
      break;
  }
}

/** With its first generation: nobody is let in before. */
function startedController(): Publisher {
  const publisher = publisherWithoutThreads();
  publisher.publish(makeDelta({}), []);
  return publisher;
}

interface DataPlane {
  readonly publisher: Publisher;
  readonly receiver: Receiver;
}

function dataPlane(): DataPlane {
  const publisher = publisherWithoutThreads();
  return { publisher, receiver: new Receiver(publisher, { published: () => {}, reached: () => {} }) };
}

/** One connection, while which `steps` happen; returns all that the controller has written. */
function record(controller: Publisher, journal: Journal, to: DataPlane, steps: readonly Step[]): Buffer {
  const tape = new Tape();
  const events = { acknowledged: () => {}, ended: () => {} };
  const session = new Session(tape, journal, to.receiver.position, TIMING, events);
  for (const one of steps) perform(controller, one);
  session.close('the test cuts it');
  return Buffer.concat(tape.chunks);
}

function receive({ receiver }: DataPlane, bytes: Buffer, chunkBytes: number): void {
  const reader = new LineReader(100_000);
  receiver.begin();
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    for (const message of reader.read(bytes.subarray(from, from + chunkBytes))) {
      receiver.take(message as ControllerMessage);
    }
  }
}

const rounds = fc.array(
  fc.record({
    steps: fc.array(step, { maxLength: 6 }),
    /** While nobody is connected. */
    away: fc.array(step, { maxLength: 6 }),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    chunkBytes: fc.integer({ min: 1, max: 400 }),
    restart: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
);

test('a stream that is cut at any byte and gone on with ends in the table of the controller', () => {
  fc.assert(
    fc.property(rounds, fc.integer({ min: 200, max: 5_000 }), (all, maxBytes) => {
      const controller = startedController();
      let journal = new Journal(controller, { maxBytes });
      const follower = dataPlane();
      for (const { steps, away, cut, chunkBytes, restart } of all) {
        const bytes = record(controller, journal, follower, steps);
        receive(follower, bytes.subarray(0, Math.floor(cut * bytes.length)), chunkBytes);
        for (const one of away) perform(controller, one);
        if (restart) journal = new Journal(controller, { maxBytes });
      }
      receive(follower, record(controller, journal, follower, []), 50);
      expect(tableOf(follower.publisher)).toBe(tableOf(controller));
    }),
    { numRuns: 300 },
  );
});

test('a byte that is another one is found, and never becomes part of a table', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.integer({ min: 1, max: 255 }),
      (steps, at, flip) => {
        const controller = startedController();
        const journal = new Journal(controller);
        const follower = dataPlane();
        const tables = new Set([tableOf(follower.publisher), tableOf(controller)]);
        const states = startedController();
        for (const one of steps) {
          perform(states, one);
          tables.add(tableOf(states));
        }
        const bytes = record(controller, journal, follower, steps);
        const index = Math.floor(at * bytes.length);
        bytes[index] = bytes[index]! ^ flip;
        let fault: unknown = null;
        try {
          receive(follower, bytes, 64);
        } catch (error) {
          fault = error;
        }
        const unended = index === bytes.length - 1;
        expect(unended || fault instanceof StreamFault).toBe(true);
        expect(tables).toContain(tableOf(follower.publisher));
      },
    ),
    { numRuns: 300 },
  );
});

test('a controller that starts again with the same table has nothing compiled anew', () => {
  const controller = startedController();
  perform(controller, { do: 'route', name: 'a', body: 'x' });
  perform(controller, { do: 'endpoints', name: 'b', ports: [1] });
  const follower = dataPlane();
  receive(follower, record(controller, new Journal(controller), follower, []), 64);
  const { generation } = follower.publisher;
  receive(follower, record(controller, new Journal(controller), follower, []), 64);
  expect(follower.publisher.generation).toBe(generation);
  perform(controller, { do: 'route', name: 'a', body: 'y' });
  receive(follower, record(controller, new Journal(controller), follower, []), 64);
  expect(tableOf(follower.publisher)).toBe(tableOf(controller));
});

test('lines are taken however they are cut, and refused when they are too long', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 50 }), (messages, size) => {
      const bytes = Buffer.concat(messages.map(encodeLine));
      const reader = new LineReader(1_000_000);
      const read: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size)
        read.push(...reader.read(bytes.subarray(at, at + size)));
      expect(JSON.stringify(read)).toBe(JSON.stringify(messages));
    }),
  );
  const small = new LineReader(100);
  expect(() => {
    for (let sent = 0; sent < 200; sent += 10) for (const _ of small.read(Buffer.alloc(10, 'x')));
  }).toThrow('longer than the 100 bytes');
});
