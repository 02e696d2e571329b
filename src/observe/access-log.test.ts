import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessBatcher } from './access-batcher.ts';
import { emptyAccessRecord } from './access-record.ts';
import { type AccessLogTarget, AccessSink, openAccessSink } from './access-sink.ts';
import type { ObserveControlMessage, ObserveThreadMessage } from './messages.ts';

class Count {
  value = 0;
  add(amount: number): void {
    this.value += amount;
  }
}

const TEMPLATE = { kind: 'template', template: '{requestId}' } as const;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'access-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function batcher(send: (message: ObserveThreadMessage) => void) {
  const lines = new Count();
  const dropped = new Count();
  const made = new AccessBatcher({ format: TEMPLATE, send, lines, dropped });
  const record = emptyAccessRecord();
  const write = (requestId: string) => made.write(Object.assign(record, { requestId }));
  return { made, write, lines, dropped };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i += 1) await sleep(10);
  expect(condition()).toBe(true);
}

describe('batches of a thread', () => {
  it('are dropped and counted when none came back, and go on when one does', () => {
    const sent: { buffer: SharedArrayBuffer; lines: number; length: number }[] = [];
    const { made, write, lines, dropped } = batcher((message) => {
      if (message.type === 'accessLog') sent.push(message);
    });
    const line = 'x'.repeat(500);
    for (let i = 0; i < 8_000; i += 1) write(line);
    expect(sent).toHaveLength(8);
    expect(lines.value).toBe(sent.reduce((sum, batch) => sum + batch.lines, 0));
    expect(lines.value + dropped.value).toBe(8_000);
    expect(dropped.value).toBeGreaterThan(0);
    made.receive({ type: 'accessLogCredit', buffer: sent[0]!.buffer });
    write('again');
    made.close();
    expect(sent).toHaveLength(9);
    expect(Buffer.from(sent[8]!.buffer, 0, sent[8]!.length).toString()).toBe('again\n');
    expect(sent[8]!.buffer).toBe(sent[0]!.buffer);
  });

  it('hold whole lines; one that fits no batch is dropped', () => {
    const texts: string[] = [];
    const send = (message: ObserveThreadMessage) => {
      if (message.type === 'accessLog') texts.push(Buffer.from(message.buffer, 0, message.length).toString());
    };
    const dropped = new Count();
    const format = { kind: 'template', template: '{requestId}'.repeat(800) } as const;
    const wide = new AccessBatcher({ format, send, lines: new Count(), dropped });
    wide.write({ ...emptyAccessRecord(), requestId: 'y'.repeat(500) });
    wide.close();
    expect(texts).toEqual([]);
    expect(dropped.value).toBe(1);
    const { made, write } = batcher(send);
    for (let i = 0; i < 1_500; i += 1) write(`${i}-${'z'.repeat(490)}`);
    made.close();
    for (const text of texts) expect(text.endsWith('\n')).toBe(true);
    const ids = texts
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => Number.parseInt(line, 10));
    expect(ids).toEqual(Array.from({ length: 1_500 }, (_, i) => i));
  });

  it('are handed over after a moment even when they are not full', async () => {
    const sent: ObserveThreadMessage[] = [];
    const { made, write } = batcher((message) => sent.push(message));
    write('one');
    await until(() => sent.length === 1);
    made.close();
  });
});

describe('the sink', () => {
  const errors: Error[] = [];
  const open = (path: string, send: (threadId: number, message: ObserveControlMessage) => void) =>
    openAccessSink({ destination: { kind: 'file', path }, send, onError: (error) => errors.push(error) });
  const batch = (text: string): ObserveThreadMessage => {
    const buffer = new SharedArrayBuffer(65_536);
    return { type: 'accessLog', buffer, length: Buffer.from(buffer).write(text), lines: 1 };
  };

  it('writes what worker threads send, every line once, in the order of each thread', async () => {
    const path = join(folder, 'logs', 'access.log');
    const workers: Worker[] = [];
    const sink = await open(path, (threadId, message) => workers[threadId]!.postMessage(message));
    const done = [0, 1].map((threadId) => {
      const worker = new Worker(new URL('./testing-access-worker.ts', import.meta.url), {
        workerData: threadId,
      });
      workers.push(worker);
      worker.on('message', (message: ObserveThreadMessage) => sink.receive(threadId, message));
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    });
    await Promise.all(done);
    await sink.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    for (const threadId of [0, 1]) {
      const own = lines.filter((line) => line.startsWith(`${threadId}-`));
      expect(own).toEqual(Array.from({ length: 5_000 }, (_, i) => `${threadId}-${i}`));
    }
    expect(lines).toHaveLength(10_000);
  });

  it('gives a buffer back only when it is written', async () => {
    const path = join(folder, 'access.log');
    const back: ObserveControlMessage[] = [];
    const sink = await open(path, (_, message) => back.push(message));
    sink.receive(0, batch('one\n'));
    expect(back).toEqual([]);
    await until(() => back.length === 1);
    expect(readFileSync(path, 'utf8')).toBe('one\n');
    await sink.close();
  });

  it('goes on in a new file after the old one was renamed', async () => {
    const path = join(folder, 'access.log');
    const back: ObserveControlMessage[] = [];
    const sink = await open(path, (_, message) => back.push(message));
    sink.receive(0, batch('one\n'));
    await until(() => back.length === 1);
    renameSync(path, `${path}.1`);
    sink.reopen();
    sink.receive(0, batch('two\n'));
    await until(() => back.length === 2);
    await sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\n');
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  });

  it('says once that the disk is full, keeps trying, and still closes', async () => {
    errors.length = 0;
    const back: ObserveControlMessage[] = [];
    const sink: AccessSink = await open('/dev/full', (_, message) => back.push(message));
    sink.receive(0, batch('one\n'));
    await until(() => errors.length === 1);
    await sleep(1_200);
    expect(errors).toMatchObject([{ code: 'ENOSPC' }]);
    expect(back).toEqual([]);
    await sink.close();
  });

  it('writes a line that a full disk has cut off as a whole into the file that is opened then', async () => {
    const path = join(folder, 'access.log');
    const back: ObserveControlMessage[] = [];
    const failures: Error[] = [];
    let room = 7;
    const cut: string[] = [];
    const target: AccessLogTarget = {
      async write(bytes) {
        if (room === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        const taken = Math.min(room, bytes.length);
        room -= taken;
        cut.push(Buffer.from(bytes.subarray(0, taken)).toString());
        return taken;
      },
      close: async () => undefined,
    };
    const sink = new AccessSink(target, {
      destination: { kind: 'file', path },
      send: (_, message) => back.push(message),
      onError: (error) => failures.push(error),
    });
    sink.receive(0, batch('one\ntwo\nthree\n'));
    sink.receive(0, batch('four\n'));
    await until(() => failures.length === 1);
    sink.reopen();
    await until(() => back.length === 2);
    await sink.close();
    expect(cut.join('')).toBe('one\ntwo');
    expect(readFileSync(path, 'utf8')).toBe('two\nthree\nfour\n');
  });

  it('goes on with the old file when a new one can not be opened', async () => {
    const path = join(folder, 'logs', 'access.log');
    const back: ObserveControlMessage[] = [];
    errors.length = 0;
    const sink = await open(path, (_, message) => back.push(message));
    renameSync(join(folder, 'logs'), join(folder, 'old'));
    writeFileSync(join(folder, 'logs'), 'in the way');
    sink.reopen();
    sink.receive(0, batch('one\n'));
    await until(() => back.length === 1);
    await sink.close();
    expect(errors).toHaveLength(1);
    expect(readFileSync(join(folder, 'old', 'access.log'), 'utf8')).toBe('one\n');
  });

  it('says at the start that a file can not be opened', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(open(join(folder, 'file', 'access.log'), () => {})).rejects.toThrow(/ENOTDIR|EEXIST/);
    await expect(open(folder, () => {})).rejects.toThrow(/EISDIR/);
  });
});
