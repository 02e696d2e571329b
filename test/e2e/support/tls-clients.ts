import { execFile } from 'node:child_process';
import type { ConnectionOptions } from 'node:tls';
import type { Gateway } from './gateway.ts';
import type { ParsedResponse } from './http-text.ts';
import { RawClient } from './raw-client.ts';

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

/** One GET on a TLS connection of its own. */
export async function askOverTls(
  port: number,
  tls: ConnectionOptions,
  host: string,
  target = '/',
): Promise<ParsedResponse> {
  const client = await RawClient.connect(port, { tls });
  client.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return client.answer().finally(() => client.destroy());
}

/** One series of the metrics page; 0 when it is not there. */
export async function metricOf(gateway: Gateway, series: string): Promise<number> {
  const { text } = await gateway.admin('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}
