import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { JsonataPool } from './jsonata-pool.ts';

const ENDLESS = '($f := function($x) { $f($x) }; $f(1))';
const job = (expression: string, timeoutMs: number) => ({
  expression,
  input: '{"a":1}',
  variables: {},
  timeoutMs,
});

test('its threads hold up no program that is done', async () => {
  const module = new URL('./jsonata-pool.ts', import.meta.url).href;
  const program = `
    const { JsonataPool } = await import(${JSON.stringify(module)});
    const pool = new JsonataPool();
    pool.enter();
    console.log(await pool.evaluate(${JSON.stringify(job('a', 60_000))}));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect(stdout).toBe('1\n');
});

test('whoever waits or runs is told when the last rule is closed', async () => {
  const pool = new JsonataPool();
  pool.enter();
  pool.enter();
  const running = Array.from({ length: 5 }, () => pool.evaluate(job(ENDLESS, 60_000)));
  const settled = Promise.allSettled(running);
  pool.leave();
  pool.leave();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: 'rejected', reason: { message: 'the rule was closed' } });
  }
  // And it can be opened again.
  pool.enter();
  expect(await pool.evaluate(job('a', 60_000))).toBe('1');
  pool.leave();
});

test('more than may wait are refused at once', async () => {
  const pool = new JsonataPool();
  const waiting = Array.from({ length: 256 }, () => pool.evaluate(job('a', 60_000)).catch(() => undefined));
  await expect(pool.evaluate(job('a', 60_000))).rejects.toThrow('too many');
  pool.enter();
  pool.leave();
  await Promise.all(waiting);
});
