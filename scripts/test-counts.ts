/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    /** `failed` also when the file itself could not be loaded, without one test in it. */
    readonly status: 'passed' | 'failed';
    /** Path of the file. */
    readonly name: string;
    /** Why the file itself failed; empty when only its tests did. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Skipped, todo, or never run: none of them is a pass. */
  readonly skipped: number;
}

export const NO_TESTS: TestCounts = { passed: 0, failed: 0, skipped: 0 };

/** A file that failed without a failed test in it (a broken import, a hook that threw) counts as one failure. */
export function countReport(report: VitestReport): TestCounts {
  return report.testResults.map(countFile).reduce(addCounts, NO_TESTS);
}

function countFile(file: VitestReport['testResults'][number]): TestCounts {
  const count = (status: string) => file.assertionResults.filter((test) => test.status === status).length;
  const passed = count('passed');
  const failed = count('failed');
  return {
    passed,
    failed: failed === 0 && file.status === 'failed' ? 1 : failed,
    skipped: file.assertionResults.length - passed - failed,
  };
}

/** Lines of a message that are worth repeating: what was expected, and where. */
const MESSAGE_LINES = 12;

/** Each failure with its file, its name and the beginning of its message: what a log that was cut still has to show. */
export function listFailures(report: VitestReport): readonly string[] {
  return report.testResults.flatMap((file) => {
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0 && file.status === 'failed') return [describe(file.name, '', [file.message])];
    return failed.map((test) => describe(file.name, test.fullName, test.failureMessages ?? []));
  });
}

function describe(file: string, test: string, messages: readonly string[]): string {
  const lines = messages.join('\n').split('\n').slice(0, MESSAGE_LINES);
  return [`FAILED ${file}${test === '' ? '' : ` > ${test}`}`, ...lines.map((line) => `    ${line}`)].join(
    '\n',
  );
}

export function addCounts(a: TestCounts, b: TestCounts): TestCounts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** `12 passed, 0 failed`, after a line `3 skipped` when there are any. */
export function formatCounts({ passed, failed, skipped }: TestCounts): string {
  return `${skipped > 0 ? `${skipped} skipped\n` : ''}${passed} passed, ${failed} failed`;
}
