import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { Output } from './output.ts';

const PIECE_BYTES = 10_000;
let server: Server;
const sockets: Socket[] = [];

/** A connection: `ours` writes, `theirs` does not read until it is told. */
async function pair(): Promise<{ ours: Socket; theirs: Socket }> {
  server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const theirs = connect(port, '127.0.0.1').pause();
  const [ours] = (await once(server, 'connection')) as [Socket];
  sockets.push(ours, theirs);
  return { ours, theirs };
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function piece(i: number): string {
  return String(i).padStart(PIECE_BYTES, '.');
}

/** Writes pieces until the kernel takes no more and the stream wants none either; returns how many. */
function fill(output: Output): number {
  for (let i = 1; ; i++) {
    output.text(piece(i - 1));
    if (!output.flush()) return i;
  }
}

async function readAll(theirs: Socket): Promise<string> {
  let text = '';
  theirs.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(theirs.resume(), 'end');
  return text;
}

it('writes past the stream on the Node that this is made for', async () => {
  const { ours, theirs } = await pair();
  let seen = 0;
  const viaStream = ours.write.bind(ours);
  ours.write = ((...args: Parameters<typeof viaStream>) => {
    seen++;
    return viaStream(...args);
  }) as typeof ours.write;
  const output = new Output(ours);
  output.text('HTTP/1.1 200 OK\r\n\r\n');
  expect(output.flush()).toBe(true);
  expect(seen).toBe(process.versions.node.startsWith('26.') ? 0 : 1);
  ours.end();
  expect(await readAll(theirs)).toBe('HTTP/1.1 200 OK\r\n\r\n');
});

it('keeps the order while the kernel is full and while it empties', async () => {
  const { ours, theirs } = await pair();
  const output = new Output(ours);
  const first = fill(output);
  expect(output.unsentBytes).toBeGreaterThan(PIECE_BYTES);
  let received = '';
  theirs.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  theirs.resume();
  // Now and then the kernel takes what was written past the stream while the stream still holds something.
  const second = first + 300;
  for (let i = first; i < second; i++) {
    output.text(piece(i));
    output.flush();
    await setImmediate();
  }
  ours.end();
  await once(theirs, 'end');
  expect(received).toBe(Array.from({ length: second }, (_, i) => piece(i)).join(''));
  expect(output.unsentBytes).toBe(0);
});

it('does not overtake what the stream holds back', async () => {
  const { ours, theirs } = await pair();
  const output = new Output(ours);
  ours.cork();
  ours.write('first, ');
  output.text('second');
  output.flush();
  ours.uncork();
  ours.end();
  expect(await readAll(theirs)).toBe('first, second');
});

it('sends FIN behind what the kernel did not take at once', async () => {
  const { ours, theirs } = await pair();
  const output = new Output(ours);
  let pieces = 0;
  do {
    output.text(piece(pieces++));
    output.flush();
  } while (output.unsentBytes === 0);
  ours.end();
  expect((await readAll(theirs)).length).toBe(pieces * PIECE_BYTES);
});

it('tells of a write that failed as the stream does: error, then close', async () => {
  const { ours, theirs } = await pair();
  const output = new Output(ours);
  theirs.resetAndDestroy();
  const failed = once(ours, 'error');
  const closed = new Promise((resolve) => ours.once('close', resolve));
  const writing = setInterval(() => {
    output.text('anybody there?');
    output.flush();
  }, 5);
  try {
    const [error] = (await failed) as [Error];
    expect(error.message).toMatch(/ECONNRESET|EPIPE/);
    await closed;
  } finally {
    clearInterval(writing);
  }
});
