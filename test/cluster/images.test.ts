import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from './command.ts';
import { buildImage } from './images.ts';
import { buildPortreeveImage } from './portreeve-image.ts';

describe('images', () => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'portreeve-images-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Paths and links in the only layer of an archive, as tar(1) reads them. */
  async function layerListing(archive: string): Promise<readonly string[]> {
    const unpacked = mkdtempSync(join(folder, 'unpacked-'));
    await runCommand('tar', ['-xf', archive, '-C', unpacked]);
    const [manifest] = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as [
      { Layers: [string] },
    ];
    const { stdout } = await runCommand('tar', ['-tvf', join(unpacked, manifest.Layers[0])]);
    return stdout.trim().split('\n');
  }

  test('hold files, their folders, long names and modes', async () => {
    const source = join(folder, 'source');
    writeFileSync(source, 'x'.repeat(600), { mode: 0o600 });
    const longPath = `app/${'long-name/'.repeat(30)}file`;
    const archive = join(folder, 'image.tar');
    const files = [
      { path: '/bin/tool', source, mode: 0o755 },
      { path: longPath, source },
    ];
    await buildImage({
      reference: 'example.test/a:1',
      archive,
      files,
      config: { entrypoint: ['/bin/tool'] },
    });
    const listing = await layerListing(archive);
    expect(listing).toContainEqual(expect.stringMatching(/^drwxr-xr-x .* bin\/$/));
    expect(listing).toContainEqual(expect.stringMatching(/^-rwxr-xr-x .* 600 .* bin\/tool$/));
    expect(listing.some((line) => line.startsWith('-rw-------') && line.endsWith(longPath))).toBe(true);
  });

  test('are the same bytes when made again', async () => {
    const source = join(folder, 'source-again');
    writeFileSync(source, 'content');
    const archives = ['one.tar', 'two.tar'].map((name) => join(folder, name));
    for (const archive of archives) {
      const files = [{ path: 'file', source }];
      await buildImage({ reference: 'example.test/a:1', archive, files, config: { entrypoint: ['/file'] } });
    }
    const [one, two] = archives.map((archive) => readFileSync(archive));
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
  });

  test("our own has the tree, Node and Node's libraries", async () => {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'app'), { recursive: true });
    writeFileSync(join(tree, 'app', 'main.mjs'), '', { mode: 0o600 });
    symlinkSync('main.mjs', join(tree, 'app', 'link'));
    const archive = join(folder, 'own.tar');
    await buildPortreeveImage({ tree, archive });
    const listing = await layerListing(archive);
    expect(listing).toContainEqual(expect.stringMatching(/^-rw-r--r-- .* app\/main\.mjs$/));
    expect(listing).toContainEqual(expect.stringMatching(/^l.* app\/link -> main\.mjs$/));
    expect(listing).toContainEqual(expect.stringMatching(/^-rwxr-xr-x .* usr\/local\/bin\/node$/));
    expect(listing).toContainEqual(expect.stringMatching(/ lib.*\/ld-linux/));
    expect(listing).toContainEqual(expect.stringMatching(/^drwxrwxrwt .* tmp\/$/));
  });
});
