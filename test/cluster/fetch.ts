import { fileURLToPath } from 'node:url';
import type { Cluster } from './api.ts';

/** What a request sent by {@link fetchInside} got. */
export interface InsideReply {
  readonly status: number;
  readonly body: string;
}

const script = fileURLToPath(new URL('./inside-fetch.ts', import.meta.url));

/**
 * Sends HTTP requests from where pods and Services are reached, one after the other, each on a connection of its own.
 * @throws CommandError when one gets no answer
 */
export async function fetchInside(
  cluster: Cluster,
  url: string,
  options: {
    readonly method?: string;
    readonly count?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<readonly InsideReply[]> {
  const { method = 'GET', count = 1, headers = {} } = options;
  const { stdout } = await cluster.run(process.execPath, [
    script,
    method,
    String(count),
    url,
    JSON.stringify(headers),
  ]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as InsideReply);
}
