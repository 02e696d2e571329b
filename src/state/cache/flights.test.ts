import { describe, expect, it } from 'vitest';
import { type Boarding, Flights } from './flights.ts';
import { createCacheMemory } from './memory.ts';

const LONG_MS = 30_000;

function threads(): [Flights, Flights] {
  const { flights } = createCacheMemory({ bytes: 65_536, threads: 2 });
  return [new Flights(flights, 0), new Flights(flights, 1)];
}

function leads(boarding: Boarding) {
  if (boarding.kind !== 'lead') throw new Error(`it is ${boarding.kind}`);
  return boarding.flight;
}

function waits(boarding: Boarding): Promise<unknown> {
  if (boarding.kind !== 'wait') throw new Error(`it is ${boarding.kind}`);
  return boarding.landed;
}

describe('Flights', () => {
  it('lets one lead, and the others wait until it has landed, in every thread', async () => {
    const [one, other] = threads();
    const flight = leads(one.board('key', LONG_MS));
    const waiting = [one, other, other].map((flights) => waits(flights.board('key', LONG_MS)));
    leads(other.board('another', LONG_MS));
    one.land(flight, 'stored');
    await Promise.all(waiting);
    leads(other.board('key', LONG_MS));
  });

  it('lets each ask alone after an answer that is not kept', async () => {
    const [one, other] = threads();
    const flight = leads(one.board('key', LONG_MS));
    const waiting = waits(other.board('key', LONG_MS));
    one.land(flight, 'unstorable');
    await waiting;
    expect(one.board('key', LONG_MS).kind).toBe('alone');
    expect(other.board('key', LONG_MS).kind).toBe('alone');
  });

  it('says for a moment that it failed', () => {
    const [one, other] = threads();
    one.land(leads(one.board('key', LONG_MS)), 'failed');
    expect(other.board('key', LONG_MS).kind).toBe('failed');
  });

  it('lets another one lead when the first has gone', async () => {
    const [one, other] = threads();
    const flight = leads(one.board('key', LONG_MS));
    const waiting = waits(other.board('key', LONG_MS));
    one.land(flight, 'abandoned');
    await waiting;
    leads(other.board('key', LONG_MS));
  });

  it('does not let whoever waits wait for ever', async () => {
    const [one, other] = threads();
    leads(one.board('key', LONG_MS));
    await waits(other.board('key', 5));
    expect(other.board('key', 5).kind).toBe('wait');
  });

  it('lands a flight once, and no other one in its place', async () => {
    const [one, other] = threads();
    const first = leads(one.board('key', LONG_MS));
    one.land(first, 'abandoned');
    leads(other.board('key', LONG_MS));
    one.land(first, 'unstorable');
    expect(one.board('key', LONG_MS).kind).toBe('wait');
  });
});
