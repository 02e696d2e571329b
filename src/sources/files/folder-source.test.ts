import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Consumer, describeResourceSource, routeYaml } from '../../../test/contract/resource-source.ts';
import { describeOrigin, type ObjectRef } from '../../ir/origin.ts';
import { examplePolicies } from '../../resources/testing/policies.ts';
import { createValidators } from '../../resources/validate/validators.ts';
import { FolderSource } from './folder-source.ts';

const validators = createValidators(examplePolicies);

async function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'portreeve-folder-'));
}

describeResourceSource('a folder', async () => {
  const folder = await makeFolder();
  const fileOf = (ref: ObjectRef) => join(folder, `${ref.name}.yaml`);
  return {
    source: new FolderSource(folder, validators),
    put: (ref, yaml) => writeFile(fileOf(ref), yaml),
    remove: (ref) => unlink(fileOf(ref)),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('a watched folder', () => {
  let folder: string;
  let source: FolderSource;
  let seen: Consumer;
  const write = (path: string, text: string) => writeFile(join(folder, path), text);
  const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
  const start = () => source.start(seen.receive);
  /** Longer than any grace: what has not happened by now does not happen. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 400));

  beforeEach(async () => {
    folder = await makeFolder();
    source = new FolderSource(folder, validators);
    seen = new Consumer();
  });
  afterEach(async () => {
    await source.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a folder that does not exist is an error at the start', async () => {
    source = new FolderSource(join(folder, 'nowhere'), validators);
    await expect(start()).rejects.toThrow(/ENOENT/);
  });

  test('a ConfigMap that is swapped by its ..data link', async () => {
    await mkdir(join(folder, '..v1'));
    await write('..v1/a.yaml', routeYaml('a'));
    await symlink('..v1', join(folder, '..data'));
    await symlink('..data/a.yaml', join(folder, 'a.yaml'));
    await start();
    expect(seen.keys).toEqual(['GatewayRoute/shop/a']);
    await mkdir(join(folder, '..v2'));
    await write('..v2/a.yaml', routeYaml('a', '{ status: 418 }'));
    // The kubelet removes the old folder last, or never: the swap of the link alone must be seen.
    await settle();
    await symlink('..v2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await eventually(() => expect(seen.status('a')).toBe(418));
    expect(seen.changes.every((change) => change.remove.length === 0)).toBe(true);
  });

  test('an editor that writes beside and renames over', async () => {
    await write('a.yaml', routeYaml('a'));
    await start();
    await write('a.yaml~', routeYaml('a', '{ status: 418 }'));
    await unlink(join(folder, 'a.yaml'));
    await rename(join(folder, 'a.yaml~'), join(folder, 'a.yaml'));
    await eventually(() => expect(seen.status('a')).toBe(418));
    expect(seen.changes.every((change) => change.remove.length === 0)).toBe(true);
  });

  test('a file that is truncated and written again never loses its objects', async () => {
    await write('a.yaml', routeYaml('a'));
    await start();
    await write('a.yaml', '');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await write('a.yaml', routeYaml('a', '{ status: 418 }'));
    await eventually(() => expect(seen.status('a')).toBe(418));
    expect(seen.changes.every((change) => change.remove.length === 0)).toBe(true);
  });

  test('a file that stays blank has lost its objects', async () => {
    await write('a.yaml', routeYaml('a'));
    await start();
    await write('a.yaml', '\n');
    await eventually(() => expect(seen.keys).toEqual([]));
  });

  test('a half-written file keeps what it held, with the place of the fault', async () => {
    await write('all.yaml', `${routeYaml('a')}---\n${routeYaml('b')}`);
    await start();
    await write('all.yaml', `${routeYaml('a', '{ status: 418 }')}---\nkind: GatewayRoute\nspec: { rules: [`);
    await eventually(() => expect(seen.findings).toEqual(['unreadable']));
    expect(seen.status('a')).toBe(418);
    expect(seen.keys).toEqual(['GatewayRoute/shop/a', 'GatewayRoute/shop/b']);
    const { origin } = seen.changes.at(-1)!.findings[0]!;
    expect(describeOrigin(origin)).toMatch(/all\.yaml:9:\d+$/);
    await write('all.yaml', routeYaml('a', '{ status: 204 }'));
    await eventually(() => expect(seen.keys).toEqual(['GatewayRoute/shop/a']));
    expect(seen.findings).toEqual([]);
  });

  test('the first of two files keeps an object; the second is told of both places', async () => {
    await write('b.yaml', routeYaml('a', '{ status: 418 }'));
    await write('a.yaml', `# first\n${routeYaml('a')}`);
    await start();
    expect(seen.status('a')).toBe(200);
    const finding = seen.changes.at(-1)!.findings[0]!;
    expect(
      finding.code === 'duplicateObject' && [describeOrigin(finding.origin), describeOrigin(finding.other)],
    ).toEqual([join(folder, 'b.yaml:1:1'), join(folder, 'a.yaml:2:1')]);
    await unlink(join(folder, 'a.yaml'));
    await eventually(() => expect(seen.status('a')).toBe(418));
    expect(seen.findings).toEqual([]);
    expect(seen.changes.every((change) => change.remove.length === 0)).toBe(true);
  });

  test('a fault in the first of two files does not hand the object to the second', async () => {
    await write('a.yaml', routeYaml('a'));
    await write('b.yaml', routeYaml('a', '{ status: 418 }'));
    await start();
    await write('a.yaml', routeYaml('a', '{ statsu: 204 }'));
    await eventually(() => expect(seen.findings).toEqual(['invalid', 'duplicateObject']));
    expect(seen.status('a')).toBe(200);
  });

  test('an object that moves to another file is never gone', async () => {
    await write('a.yaml', routeYaml('a'));
    await start();
    await rename(join(folder, 'a.yaml'), join(folder, 'z.yaml'));
    await eventually(() => {
      expect(describeOrigin(seen.objects.get('GatewayRoute/shop/a')!.origin(''))).toBe(
        join(folder, 'z.yaml:1:1'),
      );
    });
    expect(seen.changes.every((change) => change.remove.length === 0)).toBe(true);
  });

  test('an edit above an object moves its place', async () => {
    await write('all.yaml', `${routeYaml('a')}---\n${routeYaml('b')}`);
    await start();
    await write('all.yaml', `# one\n# two\n${routeYaml('a')}---\n${routeYaml('b')}`);
    await eventually(() => {
      const { location } = seen.objects.get('GatewayRoute/shop/b')!.origin('spec.rules[0].respond');
      expect(location).toMatchObject({ line: 15, column: 5 });
    });
  });

  test('an edit above a fault moves its place', async () => {
    const place = () => seen.changes.at(-1)!.findings.map(({ origin }) => origin.location?.line);
    await write('all.yaml', `${routeYaml('a')}---\n${routeYaml('b', '[]')}---\na: [`);
    await start();
    expect(place()).toEqual([13, 15]);
    await write('all.yaml', `# one\n${routeYaml('a')}---\n${routeYaml('b', '[]')}---\na: [`);
    await eventually(() => expect(place()).toEqual([14, 16]));
  });

  test('sub-folders that come and go, at any depth', async () => {
    await start();
    await mkdir(join(folder, 'x/y'), { recursive: true });
    await write(
      'x/y/a.json',
      JSON.stringify({
        ...{ apiVersion: 'portreeve.dev/v1alpha1', kind: 'Consumer' },
        metadata: { name: 'c' },
        spec: {},
      }),
    );
    await eventually(() => expect(seen.keys).toEqual(['Consumer/default/c']));
    await rm(join(folder, 'x'), { recursive: true });
    await eventually(() => expect(seen.keys).toEqual([]));
  });

  test('a folder that goes away as a whole keeps every object, and is found again', async () => {
    await write('a.yaml', routeYaml('a'));
    await start();
    await rename(folder, `${folder}-away`);
    await eventually(() => expect(seen.findings).toEqual(['unreadable']));
    await settle();
    expect(seen.keys).toEqual(['GatewayRoute/shop/a']);
    await rename(`${folder}-away`, folder);
    await eventually(() => expect(seen.findings).toEqual([]));
    await write('a.yaml', routeYaml('a', '{ status: 418 }'));
    await eventually(() => expect(seen.status('a')).toBe(418));
  });

  test('hidden files, other files and our own configuration are no resources', async () => {
    await write('.a.yaml', 'x: [');
    await write('README.md', '# x');
    await write('portreeve.yaml', 'listeners: []');
    await mkdir(join(folder, '.git'));
    await write('.git/x.yaml', 'x: [');
    await start();
    expect(seen.changes).toEqual([{ upsert: [], remove: [], findings: [] }]);
  });

  test('a link to the folder itself is not followed', async () => {
    await symlink('.', join(folder, 'loop'));
    await write('a.yaml', routeYaml('a'));
    await start();
    expect(seen.findings).toEqual([]);
  });
});
