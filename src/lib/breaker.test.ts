import { expect, test } from 'vitest';
import { Breaker } from './breaker.ts';

function failTimes(breaker: Breaker, times: number, nowMs: number): void {
  for (let i = 0; i < times; i++) {
    expect(breaker.mayTry(nowMs)).toBe(true);
    breaker.failed(nowMs);
  }
}

test('three failures in a row shut it, then one request may try', () => {
  const breaker = new Breaker();
  failTimes(breaker, 3, 0);
  expect(breaker.mayTry(499)).toBe(false);
  expect([breaker.mayTry(500), breaker.mayTry(500)]).toEqual([true, false]);
  breaker.succeeded();
  expect([breaker.mayTry(501), breaker.mayTry(501)]).toEqual([true, true]);
});

test('each failed probe doubles the pause, to ten seconds', () => {
  const breaker = new Breaker();
  failTimes(breaker, 3, 0);
  let nowMs = 0;
  for (const pauseMs of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    expect(breaker.mayTry(nowMs + pauseMs - 1)).toBe(false);
    nowMs += pauseMs;
    expect(breaker.mayTry(nowMs)).toBe(true);
    breaker.failed(nowMs);
  }
});

test('a success in between begins the count anew', () => {
  const breaker = new Breaker();
  failTimes(breaker, 2, 0);
  breaker.succeeded();
  failTimes(breaker, 2, 0);
  expect(breaker.mayTry(0)).toBe(true);
});

test('a probe that nobody waits for leaves its place to the next', () => {
  const breaker = new Breaker();
  failTimes(breaker, 3, 0);
  expect(breaker.mayTry(600)).toBe(true);
  breaker.abandoned();
  expect(breaker.mayTry(600)).toBe(true);
});
