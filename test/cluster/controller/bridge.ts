/**
 * Runs where the API server is reached: `node bridge.ts SOCKET HOST PORT`. Carries connections of a Unix socket, which
 * any process of the machine reaches, to the API server.
 */
import { connect, createServer } from 'node:net';

const [path = '', host = '', port = ''] = process.argv.slice(2);

createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ host, port: Number(port), allowHalfOpen: true });
  client.pipe(server).pipe(client);
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
}).listen(path, () => process.stdout.write('ready\n'));
