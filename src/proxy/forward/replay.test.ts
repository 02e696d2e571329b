import { describe, expect, it } from 'vitest';
import { ReplayBuffer } from './replay.ts';

const LIMIT = 64 * 1024;

function written(replay: ReplayBuffer): string {
  const chunks: Buffer[] = [];
  replay.writeTo((chunk) => chunks.push(chunk));
  return Buffer.concat(chunks).toString();
}

describe('ReplayBuffer', () => {
  it('gives back what it was given, as often as it is asked', () => {
    const replay = new ReplayBuffer();
    replay.begin(true);
    const shared = Buffer.from('..one');
    replay.add(shared, 2, 5);
    // The buffer is used again for the next read.
    shared.write('##two');
    replay.add(shared, 2, 5);
    expect([written(replay), written(replay), replay.whole()?.toString()]).toEqual([
      'onetwo',
      'onetwo',
      'onetwo',
    ]);
    expect(replay.complete).toBe(true);
  });

  it('holds up to its limit, and nothing once that is passed', () => {
    const replay = new ReplayBuffer();
    replay.begin(true);
    replay.add(Buffer.alloc(LIMIT), 0, LIMIT);
    expect([replay.complete, replay.whole()?.length]).toEqual([true, LIMIT]);
    replay.add(Buffer.alloc(1), 0, 1);
    expect([replay.complete, replay.whole(), written(replay)]).toEqual([false, null, '']);
    replay.add(Buffer.from('x'), 0, 1);
    expect(written(replay)).toBe('');
  });

  it('that keeps nothing is complete until the first byte', () => {
    const replay = new ReplayBuffer();
    replay.begin(false);
    expect([replay.complete, replay.whole()?.length]).toEqual([true, 0]);
    replay.add(Buffer.from('x'), 0, 1);
    expect([replay.complete, replay.whole()]).toEqual([false, null]);
  });

  it('forgets on drop, and begins anew', () => {
    const replay = new ReplayBuffer();
    replay.begin(true);
    replay.add(Buffer.from('old'), 0, 3);
    replay.drop();
    expect([replay.complete, written(replay)]).toEqual([false, '']);
    replay.begin(true);
    replay.add(Buffer.from('new'), 0, 3);
    expect(written(replay)).toBe('new');
  });
});
