import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PublishedState } from '../../control/published.ts';
import type { ClusterIr, EndpointsIr } from '../../ir/cluster.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import { NO_CHANGE } from '../../ir/gateway.ts';
import type { RouteIr } from '../../ir/route.ts';
import { SavedTable } from './saved-table.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portreeve-table-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function state(routes: number): PublishedState {
  const published = new PublishedState();
  const cluster: ClusterIr = { key: 'c', service: 's.n', protocol: { kind: 'http' }, host: null };
  const endpoints: EndpointsIr = { cluster: 'c', endpoints: [] };
  const upsertRoutes = Array.from({ length: routes }, (_, index) => ({ key: `r${index}`, hosts: ['ü'] }));
  const delta = { upsertRoutes: upsertRoutes as unknown as RouteIr[], upsertClusters: [cluster] };
  const upsertSecrets = [{ key: 'Secret/shop/key/key', text: 'of-the-secret' }];
  const upsertConsumers = [{ key: 'Consumer/shop/acme', name: 'acme' } as ConsumerIr];
  published.apply({ ...NO_CHANGE, ...delta, upsertSecrets, upsertConsumers }, [endpoints]);
  return published;
}

test('gives back what was saved', async () => {
  const table = new SavedTable(join(folder, 'made'), '1');
  const saved = state(1_000);
  await table.save(saved);
  const loaded = await table.load();
  const { ir, endpoints, secrets, consumers } = saved;
  expect(loaded).toEqual({ savedAt: expect.any(String), ir, endpoints, secrets, consumers });
  expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, 'made'))).toEqual(['table.ndjson']);
  expect(statSync(join(folder, 'made', 'table.ndjson')).mode & 0o777).toBe(0o600);
});

test('a table of another version, a part of one, or none: nothing', async () => {
  const table = new SavedTable(folder, '1');
  expect(await table.load()).toBeNull();
  await table.save(state(10));
  expect(await new SavedTable(folder, '2').load()).toBeNull();
  const path = join(folder, 'table.ndjson');
  const whole = readFileSync(path, 'utf8');
  truncateSync(path, whole.lastIndexOf('\n', whole.length - 2) + 1);
  expect(await table.load()).toBeNull();
  truncateSync(path, whole.length - 5);
  expect(await table.load()).toBeNull();
});
