import type { Server } from 'node:http';
import { createBackend, sendJson } from './http.ts';

const ITEMS = [
  { id: 1, name: 'compass', price: 19 },
  { id: 2, name: 'lantern', price: 35 },
  { id: 3, name: 'rope', price: 12 },
] as const;

const EVENT_INTERVAL_MS = 1_000;

/** `/items`, `/items/ID`, `/search?q=…` and `/events`, a stream without end. Each answer names the version. */
export function catalogBackend(version: string): Server {
  return createBackend({
    items(_request, response, id) {
      if (id === '') return sendJson(response, 200, { version, items: ITEMS });
      const item = ITEMS.find((each) => each.id === Number(id));
      if (item === undefined) return sendJson(response, 404, { version, error: `there is no item ${id}` });
      sendJson(response, 200, { version, ...item });
    },
    search(request, response) {
      const text = new URL(request.url ?? '/', 'http://backend').searchParams.get('q') ?? '';
      sendJson(response, 200, { version, items: ITEMS.filter((item) => item.name.includes(text)) });
    },
    events(_request, response) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      let count = 0;
      const send = () => {
        count += 1;
        response.write(`id: ${count}\ndata: {"version":"${version}","sold":${count}}\n\n`);
      };
      send();
      const timer = setInterval(send, EVENT_INTERVAL_MS);
      response.once('close', () => clearInterval(timer));
    },
  });
}
