import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of resources that is gone after the test. */
export class TempFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'portreeve-e2e-'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  /** Replaces a file in one step, as editors and deployment tools do. */
  write(name: string, text: string): void {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    const fresh = join(this.path, `.${name.replaceAll('/', '_')}.new`);
    writeFileSync(fresh, text);
    renameSync(fresh, path);
  }

  remove(name: string): void {
    rmSync(join(this.path, name));
  }

  delete(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
