import { severityOf } from '../ir/describe.ts';
import type { Finding } from '../ir/finding.ts';
import { objectKey } from '../ir/origin.ts';
import type { ProgramLog } from '../observe/log.ts';
import { findingLine } from './finding-line.ts';

/** More at once say nothing that the first did not. */
const MAX_LINES = 50;

/** Logs each finding once for as long as it holds. */
export class FindingLog {
  readonly #log: ProgramLog;
  #known = new Set<string>();

  constructor(log: ProgramLog) {
    this.#log = log;
  }

  update(findings: readonly Finding[]): void {
    const now = new Map(findings.map((finding) => [findingLine(finding), finding]));
    const fresh = [...now].filter(([line]) => !this.#known.has(line));
    const mended = [...this.#known].filter((line) => !now.has(line)).length;
    this.#known = new Set(now.keys());
    for (const [line, finding] of fresh.slice(0, MAX_LINES)) {
      const fields = { event: 'finding', code: finding.code, object: objectKey(finding.origin.object) };
      if (severityOf(finding) === 'error') this.#log.error(fields, line);
      else this.#log.warn(fields, line);
    }
    const left = fresh.length - MAX_LINES;
    if (left > 0)
      this.#log.error({ event: 'findings', more: left }, `${left} more findings; see /config or validate`);
    if (mended > 0)
      this.#log.info({ event: 'findings', mended, open: now.size }, `${mended} findings are gone`);
  }
}
