import { head, RawClient } from './raw-client.ts';

/** Statuses of `clients * each` requests over as many connections, which the kernel spreads over the threads. */
export async function burst(
  port: number,
  target: string,
  clients: number,
  each: number,
  ...lines: string[]
): Promise<number[]> {
  const statuses = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = await RawClient.connect(port);
      client.write(head(`GET ${target}`, ...lines).repeat(each));
      const answers = await client.answers(each, undefined, 30_000);
      client.destroy();
      return answers.map(({ status }) => status);
    }),
  );
  return statuses.flat();
}

export function count(statuses: readonly number[], status: number): number {
  return statuses.filter((one) => one === status).length;
}
