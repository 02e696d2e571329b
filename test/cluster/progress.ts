/** Takes one line about what is being done; the default one writes to stderr. */
export type Progress = (message: string) => void;

/** A progress function that writes lines with the seconds since its making to stderr. */
export function stderrProgress(label = 'cluster'): Progress {
  const start = performance.now();
  return function progress(message) {
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${label} ${seconds}s  ${message}\n`);
  };
}
