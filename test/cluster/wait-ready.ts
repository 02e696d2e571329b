/**
 * Runs inside the cluster's network namespace: `node wait-ready.ts URL`. Ends with exit code 0 as soon as the URL
 * answers 200, and asks for as long as it doesn't. Certificates are not checked: the components make their own.
 */
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

const [url = ''] = process.argv.slice(2);

function answersOk(): Promise<boolean> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? httpsGet : httpGet;
    const request = get(url, { rejectUnauthorized: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

while (!(await answersOk())) await sleep(50);
process.exit(0);
