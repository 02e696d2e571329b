import { execFile } from 'node:child_process';

/** What `openssl s_client` says when it connects to a port of this machine, and its client sends `input`. */
export function sClient(port: number, args: readonly string[], input = ''): Promise<string> {
  const all = ['s_client', '-connect', `127.0.0.1:${port}`, ...args];
  return new Promise((resolve) => {
    const child = execFile('openssl', all, { timeout: 30_000 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
  });
}

/** Output of `curl`, and its exit code. */
export function curl(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile('curl', ['-sS', '--max-time', '30', ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: stdout + stderr }),
    );
  });
}
