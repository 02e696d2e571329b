import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Wheel, WheelNode } from './wheel.ts';

/** The clock is the test's own, and so runs on nothing that this machine does. */
let nowMs = 0;

beforeEach(() => {
  nowMs = 1000;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const TICK_MS = 10;

function pass(ms: number): void {
  const endMs = nowMs + ms;
  while (nowMs < endMs) {
    const stepMs = Math.min(TICK_MS, endMs - nowMs);
    nowMs += stepMs;
    vi.advanceTimersByTime(stepMs);
  }
}

/** The event loop stands still: timers hear of it afterwards. */
function stall(ms: number): void {
  nowMs += ms;
  pass(2 * TICK_MS);
}

class Node extends WheelNode {
  readonly fired: number[] = [];
  onFire: (() => void) | null = null;
  onDeadline(): void {
    this.fired.push(nowMs);
    this.onFire?.();
  }
}

describe('Wheel', () => {
  it('fires once, never early, and late by no more than four ticks', () => {
    const wheel = new Wheel();
    for (const delay of [0, 1, 9, 10, 11, 1000, 10_239, 10_240, 10_241, 60_000, 600_000]) {
      const node = new Node();
      wheel.touch();
      const dueMs = nowMs + delay;
      wheel.arm(node, delay);
      pass(delay + 4 * TICK_MS);
      expect(node.fired, `${delay}`).toHaveLength(1);
      expect(node.fired[0]).toBeGreaterThanOrEqual(dueMs);
    }
  });

  it('holds no timer while nothing is filed', () => {
    const wheel = new Wheel();
    const node = new Node();
    expect(vi.getTimerCount()).toBe(0);
    wheel.arm(node, 100);
    expect(vi.getTimerCount()).toBe(1);
    wheel.remove(node);
    expect(vi.getTimerCount()).toBe(0);
    wheel.arm(node, 100);
    pass(200);
    expect([node.fired.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('starts again after it stood still for longer than a round', () => {
    const wheel = new Wheel();
    const node = new Node();
    wheel.arm(node, 10);
    pass(100);
    pass(1_000_000);
    wheel.touch();
    const dueMs = nowMs + 50;
    wheel.arm(node, 50);
    pass(100);
    expect(node.fired).toHaveLength(2);
    expect(node.fired[1]).toBeGreaterThanOrEqual(dueMs);
  });

  it('a handler may arm, disarm and remove any node, the one that fires included', () => {
    const wheel = new Wheel();
    const [again, gone, off, late] = [new Node(), new Node(), new Node(), new Node()];
    again.onFire = () => {
      wheel.remove(gone);
      wheel.disarm(off);
      wheel.arm(late, 500);
      if (again.fired.length < 3) wheel.arm(again, 0);
    };
    for (const node of [again, gone, off, late]) wheel.arm(node, 20);
    pass(300);
    expect([again, gone, off, late].map((node) => node.fired.length)).toEqual([3, 0, 0, 0]);
    pass(500);
    expect(late.fired).toHaveLength(1);
  });

  it('does as a list of deadlines does', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('arm'), node: fc.nat(7), ms: fc.oneof(fc.nat(300), fc.nat(30_000)) }),
      fc.record({ kind: fc.constant('disarm'), node: fc.nat(7), ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('remove'), node: fc.nat(7), ms: fc.constant(0) }),
      fc.record({
        kind: fc.constant('pass'),
        node: fc.constant(0),
        ms: fc.oneof(fc.nat(100), fc.nat(15_000)),
      }),
      fc.record({ kind: fc.constant('stall'), node: fc.constant(0), ms: fc.nat(25_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = new Wheel();
        const nodes = Array.from({ length: 8 }, () => new Node());
        /** By node, the deadline; null when not armed. */
        const model: (number | null)[] = nodes.map(() => null);
        const settle = (): void => {
          for (const [i, node] of nodes.entries()) {
            for (const at of node.fired.splice(0)) {
              expect(model[i], 'fires only what is armed').not.toBeNull();
              expect(at, 'never early').toBeGreaterThanOrEqual(model[i]!);
              model[i] = null;
            }
            const due = model[i] ?? Number.POSITIVE_INFINITY;
            expect(due + 4 * TICK_MS, 'never forgotten').toBeGreaterThan(nowMs);
          }
        };
        for (const { kind, node, ms } of steps) {
          if (kind === 'pass') pass(ms);
          else if (kind === 'stall') stall(ms);
          else if (kind === 'arm') {
            wheel.touch();
            wheel.arm(nodes[node]!, ms);
            model[node] = nowMs + ms;
          } else {
            if (kind === 'disarm') wheel.disarm(nodes[node]!);
            else wheel.remove(nodes[node]!);
            model[node] = null;
          }
          settle();
        }
        for (const node of nodes) wheel.remove(node);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
