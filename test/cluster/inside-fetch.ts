/**
 * Runs where the cluster's addresses are reached: `node inside-fetch.ts METHOD COUNT URL [HEADERS]`. Sends the requests one after
 * the other, each on a connection of its own (a Service picks a pod by connection), and prints a line of JSON for each.
 */
import { request } from 'node:http';

const [method = 'GET', count = '1', url = '', headerText = '{}'] = process.argv.slice(2);
const headers = JSON.parse(headerText) as Record<string, string>;

function send(): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false, timeout: 30_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

for (let sent = 0; sent < Number(count); sent++) process.stdout.write(`${JSON.stringify(await send())}\n`);
