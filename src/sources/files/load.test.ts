import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { routeYaml } from '../../../test/contract/resource-source.ts';
import { describeOrigin, objectKey } from '../../ir/origin.ts';
import { EXAMPLE_YAML } from '../../resources/testing/example.ts';
import { examplePolicies } from '../../resources/testing/policies.ts';
import { createValidators } from '../../resources/validate/validators.ts';
import { MAX_FILE_BYTES } from './file.ts';
import { loadFolder } from './load.ts';

const validators = createValidators(examplePolicies);
let folder: string;
const write = (path: string, text: string | Buffer) => writeFile(join(folder, path), text);

/** Keys of the objects, and findings as `place code`, without the folder. */
async function load(): Promise<{ objects: string[]; findings: string[] }> {
  const { objects, findings } = await loadFolder(folder, validators);
  return {
    objects: objects.map(({ ref }) => objectKey(ref)).sort(),
    findings: findings.map(
      ({ code, origin }) => `${describeOrigin(origin).slice(folder.length + 1)} ${code}`,
    ),
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portreeve-load-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the example document gives its three objects', async () => {
  await write('a.yaml', EXAMPLE_YAML);
  expect(await load()).toEqual({
    objects: ['Consumer/shop/acme', 'GatewayRoute/shop/users', 'RateLimitPolicy/shop/standard'],
    findings: [],
  });
});

test('each bad document costs only itself and is told with its place', async () => {
  await write(
    'a.yaml',
    `${routeYaml('good')}---
apiVersion: portreeve.dev/v1alpha1
kind: GatewayRuote
metadata: { name: x }
---
spec: 1
---
- a list
---
a: [
---
apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: typo }
spec:
  rules:
  - respnd: {}
---
${routeYaml('last')}`,
  );
  expect(await load()).toEqual({
    objects: ['GatewayRoute/shop/good', 'GatewayRoute/shop/last'],
    findings: [
      'a.yaml:8:1 unknownKind',
      'a.yaml:12:1 invalid',
      'a.yaml:14:1 invalid',
      'a.yaml:17:1 unreadable',
      'a.yaml:23:5 invalid',
    ],
  });
});

test('a List gives its items; the place of each is its own', async () => {
  await write(
    'a.yaml',
    `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: { name: a }
  spec: { ports: [{ port: 80 }] }
- apiVersion: v1
  kind: Service
  metadata: { name: b }
  spec: { ports: [{ port: 0 }] }
`,
  );
  expect(await load()).toEqual({ objects: ['Service/default/a'], findings: ['a.yaml:11:21 invalid'] });
});

test('files that are too large, or not text, are refused; a mark of byte order is not', async () => {
  await write('big.yaml', Buffer.alloc(MAX_FILE_BYTES + 1, '#'));
  await write('latin1.yaml', Buffer.from('a: \xe9', 'latin1'));
  await write('mark.yaml', `\uFEFF${routeYaml('a')}`);
  expect(await load()).toEqual({
    objects: ['GatewayRoute/shop/a'],
    findings: ['big.yaml:1:1 unreadable', 'latin1.yaml:1:1 unreadable'],
  });
});

test('JSON is read as well', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { key: 1 } };
  await write('a.json', JSON.stringify(secret, null, '\t'));
  expect(await load()).toEqual({ objects: [], findings: ['a.json:8:3 invalid'] });
});

test('one bad object among many costs only itself', async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `r${index}`);
  await write('all.yaml', names.map((name) => routeYaml(name, name === 'r500' ? '[]' : '{}')).join('---\n'));
  const { objects, findings } = await load();
  expect(objects).toHaveLength(999);
  expect(findings).toEqual(['all.yaml:3506:5 invalid']);
});
