import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** In memory where that is there: the disk has no part in what is measured. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder for the configurations and files of one run; gone when the process ends. */
export class WorkFolder {
  readonly path = mkdtempSync(join(ROOT, 'portreeve-bench-'));

  constructor() {
    // nginx started by root reads as another user.
    chmodSync(this.path, 0o755);
    process.once('exit', () => this.delete());
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  delete(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
