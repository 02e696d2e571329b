import { benchHttp, type HttpOptions, type HttpResult } from '../http.ts';
import { WorkFolder } from '../lib/work-folder.ts';
import { keysWork } from '../lib/works.ts';
import { consumersPeer, FEW, keyOf, MANY } from './portreeve.ts';

/**
 * Whether a request costs more where there are many Consumers: 10 and 10,000 of them, in two gateways that take turns. All of
 * them call one after the other, so nothing of one is in the processor's caches when it comes again.
 */
export async function benchConsumers(options: Omit<HttpOptions, 'works' | 'peers'>): Promise<HttpResult[]> {
  const folder = new WorkFolder();
  /** By the port of the gateway that knows them. */
  const keyFiles = new Map<number, string>();
  const peers = [FEW, MANY].map((count) => {
    const keys = Array.from({ length: count }, (_, i) => keyOf(i));
    const file = folder.write(`keys-${count}`, `${keys.join('\n')}\n`);
    return consumersPeer(count, (port) => keyFiles.set(port, file));
  });
  try {
    return await benchHttp({ ...options, works: [keysWork((port) => keyFiles.get(port)!, MANY)], peers });
  } finally {
    folder.delete();
  }
}
