import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';

it('leaves strings fast, though ioredis extends String', async () => {
  setFlagsFromString('--allow-natives-syntax');
  await import('ioredis');
  await import('./client.ts');
  expect(runInThisContext('%HasFastProperties(String.prototype)')).toBe(true);
});
