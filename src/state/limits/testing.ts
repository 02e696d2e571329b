import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { bucketMeter, type Meter, windowMeter } from './meter.ts';
import type { Demand, LimitStore } from './store.ts';

let made = 0;
/** Buckets of a test are nobody else's. */
const owner = () => `test-${process.pid}-${made++}`;
const bucket = (capacity: number, perSecond: number) => bucketMeter(owner(), capacity, perSecond);
const windowOf = (limit: number) => windowMeter(owner(), 'month', limit);
const ask = (meter: Meter, more: Partial<Demand> = {}): Demand => ({
  meter,
  key: 'k',
  cost: 1,
  shadow: false,
  peek: false,
  ...more,
});

/** What every store does; `make` may hand out the same one again. */
export function limitStoreContract(name: string, make: () => LimitStore): void {
  describe(name, () => {
    let store: LimitStore;
    beforeEach(() => {
      store = make();
    });
    const admits = async (...demands: Demand[]) => (await store.take(demands)).admitted;

    it.each([
      ['bucket', () => bucket(5, 0.001)],
      ['window', () => windowOf(5)],
    ])('a %s of five admits five', async (_, meterOf) => {
      const meter = meterOf();
      const left: number[] = [];
      for (let i = 0; i < 5; i++) left.push((await store.take([ask(meter)])).outcomes[0]!.remaining);
      expect(left).toEqual([4, 3, 2, 1, 0]);
      const { admitted, outcomes } = await store.take([ask(meter)]);
      expect(admitted).toBe(false);
      expect(outcomes[0]).toMatchObject({ allowed: false, remaining: 0 });
      expect(outcomes[0]!.waitMs).toBeGreaterThan(0);
      expect(await admits(ask(meter, { key: 'other' }))).toBe(true);
    });

    it('takes the cost, and refuses what is left too little for', async () => {
      const meter = bucket(10, 0.001);
      expect(await admits(ask(meter, { cost: 7 }))).toBe(true);
      expect(await admits(ask(meter, { cost: 4 }))).toBe(false);
      expect(await admits(ask(meter, { cost: 3 }))).toBe(true);
    });

    it.each([
      ['bucket', () => bucket(5, 1)],
      ['window', () => windowOf(5)],
    ])('tells that a %s never has so much', async (_, meterOf) => {
      const { outcomes } = await store.take([ask(meterOf(), { cost: 6 })]);
      expect(outcomes[0]).toMatchObject({ allowed: false, waitMs: Number.POSITIVE_INFINITY });
    });

    it('whoever waits as long as it says gets in, and not twice', async () => {
      const meter = bucket(2, 5);
      await store.take([ask(meter, { cost: 2 })]);
      const { admitted, outcomes } = await store.take([ask(meter, { cost: 2 })]);
      expect(admitted).toBe(false);
      await sleep(Math.ceil(outcomes[0]!.waitMs) + 1);
      expect(await admits(ask(meter, { cost: 2 }))).toBe(true);
      expect(await admits(ask(meter, { cost: 2 }))).toBe(false);
    });

    it('a window begins anew when it is over', async () => {
      const meter = windowMeter(owner(), 'second', 1);
      await store.take([ask(meter)]);
      let verdict = await store.take([ask(meter)]);
      // Between the two a second may have begun.
      if (verdict.admitted) verdict = await store.take([ask(meter)]);
      expect(verdict.outcomes[0]!.waitMs).toBeLessThanOrEqual(1000);
      await sleep(Math.ceil(verdict.outcomes[0]!.waitMs) + 1);
      expect(await admits(ask(meter))).toBe(true);
    });

    it('takes all or nothing', async () => {
      const large = windowOf(10);
      const largeBucket = bucket(10, 0.001);
      const small = bucket(1, 0.001);
      const left: number[][] = [];
      for (let i = 0; i < 4; i++) {
        const { outcomes } = await store.take([ask(large), ask(small), ask(largeBucket)]);
        left.push(outcomes.map(({ remaining }) => remaining));
      }
      expect(left).toEqual([
        [9, 0, 9],
        [9, 0, 9],
        [9, 0, 9],
        [9, 0, 9],
      ]);
      const { outcomes } = await store.take([ask(large), ask(largeBucket)]);
      expect(outcomes.map(({ remaining }) => remaining)).toEqual([8, 8]);
    });

    it('says for every meter how long to wait', async () => {
      const [first, second] = [bucket(1, 0.001), bucket(1, 0.01)];
      await store.take([ask(first), ask(second)]);
      const { outcomes } = await store.take([ask(first), ask(second)]);
      expect(outcomes.map(({ allowed }) => allowed)).toEqual([false, false]);
      expect(Math.round(outcomes[0]!.waitMs / 100_000)).toBe(10);
      expect(Math.round(outcomes[1]!.waitMs / 10_000)).toBe(10);
    });

    it('a shadow refuses nothing, but says that it would', async () => {
      const [shadowed, real] = [bucket(1, 0.001), bucket(2, 0.001)];
      const both = [ask(shadowed, { shadow: true }), ask(real)];
      await store.take(both);
      const { admitted, outcomes } = await store.take(both);
      expect(admitted).toBe(true);
      expect(outcomes.map(({ allowed }) => allowed)).toEqual([false, true]);
      expect(await admits(...both)).toBe(false);
    });

    it.each([
      ['bucket', () => bucket(2, 0.001)],
      ['window', () => windowOf(2)],
    ])('a peek at a %s takes nothing, and is refused where nothing is left', async (_, meterOf) => {
      const meter = meterOf();
      const other = bucket(10, 0.001);
      const both = [ask(other), ask(meter, { peek: true })];
      for (let i = 0; i < 3; i++) {
        const { admitted, outcomes } = await store.take(both);
        expect([admitted, ...outcomes.map(({ remaining }) => remaining)]).toEqual([true, 9 - i, 2]);
      }
      await store.debit([{ meter, key: 'k', cost: 2 }]);
      expect(await admits(...both)).toBe(false);
      expect(await admits(ask(meter, { peek: true, shadow: true }))).toBe(true);
      // What was asked before it is as it was: a peek that came before a refusal gives back nothing.
      const left = async (...demands: Demand[]) =>
        (await store.take(demands)).outcomes.map(({ remaining }) => remaining);
      expect(await left(ask(other, { peek: true }), ask(meter))).toEqual([7, 0]);
      expect(await left(ask(other))).toEqual([6]);
    });

    it.each([
      ['bucket', () => bucket(5, 0.001)],
      ['window', () => windowOf(5)],
    ])('a debit to a %s is taken whether it is there or not', async (_, meterOf) => {
      const meter = meterOf();
      await store.take([ask(meter)]);
      await store.debit([{ meter, key: 'k', cost: 2 }]);
      expect((await store.take([ask(meter)])).outcomes[0]!.remaining).toBe(1);
      await store.debit([{ meter, key: 'k', cost: 3 }]);
      const { admitted, outcomes } = await store.take([ask(meter)]);
      expect([admitted, outcomes[0]!.remaining]).toEqual([false, 0]);
      await store.debit([{ meter, key: 'fresh', cost: 7 }]);
      expect(await admits(ask(meter, { key: 'fresh' }))).toBe(false);
    });

    it('who waits as long as it says gets in, also after a debt', async () => {
      const meter = bucket(2, 10);
      await store.debit([{ meter, key: 'k', cost: 6 }]);
      const { outcomes } = await store.take([ask(meter)]);
      expect(outcomes[0]!.waitMs).toBeGreaterThan(400);
      await sleep(Math.ceil(outcomes[0]!.waitMs) + 1);
      expect(await admits(ask(meter))).toBe(true);
    });

    it('one of many at once is not counted twice', async () => {
      const meter = bucket(50, 0.0001);
      const verdicts = await Promise.all(Array.from({ length: 120 }, async () => store.take([ask(meter)])));
      expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(50);
    });
  });
}
