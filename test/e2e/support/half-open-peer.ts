/**
 * Runs in a network namespace: `node half-open-peer.ts backend`, or `client PORT`, whose connections are in all states that a
 * client can vanish in. Says what it has on standard output, in JSON, and waits to be killed.
 */
import net from 'node:net';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

/** What each client has sent when it vanishes. */
const CLIENTS: Readonly<Record<string, string>> = {
  silent: '',
  keptAlive: 'GET /ok HTTP/1.1\r\nHost: a\r\n\r\n',
  halfHead: 'GET /ok HTT',
  halfBody: 'POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf',
  waiting: 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n',
  reading: 'GET /endless HTTP/1.1\r\nHost: a\r\n\r\n',
  tunnel: 'GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
};

function answer(socket: net.Socket, head: string): void {
  if (head.includes(' /ok ')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  else if (head.includes(' /tunnel ')) socket.write(SWITCH);
  else if (head.includes(' /endless ')) {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n');
    const fill = () => {
      while (socket.writable && socket.write(Buffer.alloc(65_536))) {}
    };
    socket.on('drain', fill);
    fill();
  }
}

function serve(): void {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => answer(socket, String(chunk)));
  });
  server.listen(0, '127.0.0.1', () => say({ port: (server.address() as net.AddressInfo).port }));
}

async function connect(port: number): Promise<void> {
  const ports: Record<string, number> = {};
  for (const [name, bytes] of Object.entries(CLIENTS)) {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(bytes);
    // As much of an answer as it waits for; then it reads no more.
    if (['keptAlive', 'reading', 'tunnel'].includes(name)) {
      await new Promise((resolve) => socket.once('data', resolve));
      socket.pause();
    }
    ports[name] = socket.localPort!;
  }
  say(ports);
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const [role, port] = process.argv.slice(2);
setInterval(() => undefined, 60_000);
if (role === 'backend') serve();
else await connect(Number(port));
