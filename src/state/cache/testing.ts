import { describe, expect, it } from 'vitest';
import type { StoredAnswer } from './answer.ts';
import type { AnswerStore, Keeping, Lookup, Wanted } from './store.ts';

/** A request for `url`, by whom, with these headers. */
export function wantedOf(url: string, within = '', headers: Readonly<Record<string, string>> = {}): Wanted {
  return { url, within, select: (names) => names.map((name) => headers[name] ?? '-').join('\n') };
}

export function answerOf(body: string, marks: readonly string[] = []): StoredAnswer {
  const staleness = { validateAlways: false, forbidden: false, whileRevalidateMs: 0, ifErrorMs: 0 };
  return {
    head: {
      status: 200,
      headers: [['x-ü', 'a, b']],
      receivedAtMs: 1,
      initialAgeMs: 2,
      lifetimeMs: 3,
      dateMs: 4,
      etag: '"e"',
      lastModified: null,
      staleness,
      marks,
    },
    body: Buffer.from(body, 'latin1'),
  };
}

/**
 * What every store does.
 * @param open two of one store, as two threads or replicas have it, with nothing in it
 */
export function describeStore(name: string, open: () => Promise<readonly [AnswerStore, AnswerStore]>): void {
  const keeping = (store: AnswerStore, more: Partial<Keeping> = {}): Keeping => ({
    vary: [],
    maxVariants: 3,
    since: store.moment,
    usefulMs: 60_000,
    ...more,
  });
  const bodyOf = (lookup: Lookup): string =>
    lookup.kind === 'found' ? Buffer.from(lookup.answer.body).toString('latin1') : lookup.what;
  const find = async (store: AnswerStore, wanted: Wanted): Promise<string> =>
    bodyOf(await store.find(wanted));

  describe(name, () => {
    it('gives everybody what one has kept', async () => {
      const [one, other] = await open();
      const answer = answerOf('\u0000\u00ff body', ['m']);
      expect(await find(other, wantedOf('u'))).toBe('url');
      expect(await one.keep(wantedOf('u'), answer, keeping(one))).toBe(true);
      for (const store of [one, other]) {
        const lookup = await store.find(wantedOf('u'));
        if (lookup.kind !== 'found') throw new Error('it is not there');
        expect(lookup.answer.head).toEqual(answer.head);
        expect(Buffer.from(lookup.answer.body)).toEqual(answer.body);
      }
      expect(await find(one, wantedOf('u', 'somebody'))).toBe('variant');
      expect(await find(one, wantedOf('v'))).toBe('url');
    });

    it('gives the newest', async () => {
      const [one, other] = await open();
      await one.keep(wantedOf('u'), answerOf('1'), keeping(one));
      expect(await find(other, wantedOf('u'))).toBe('1');
      await other.keep(wantedOf('u'), answerOf('2'), keeping(other));
      expect(await find(one, wantedOf('u'))).toBe('2');
    });

    it('keeps variants apart, by all headers that any answer has named', async () => {
      const [one, other] = await open();
      const of = (a: string, b: string) => wantedOf('u', '', { a, b });
      await one.keep(of('1', '1'), answerOf('11'), keeping(one, { vary: ['a'] }));
      expect(await find(other, of('1', '2'))).toBe('11');
      expect(await find(other, of('2', '1'))).toBe('variant');
      await other.keep(of('2', '1'), answerOf('21'), keeping(other, { vary: ['a', 'b'] }));
      expect(await find(one, of('2', '1'))).toBe('21');
      expect(await find(one, of('2', '2'))).toBe('variant');
    });

    it('keeps so many variants and no more', async () => {
      const [one] = await open();
      for (let i = 0; i < 10; i++) {
        await one.keep(
          wantedOf('u', '', { a: String(i) }),
          answerOf(String(i)),
          keeping(one, { vary: ['a'] }),
        );
      }
      let found = 0;
      for (let i = 0; i < 10; i++)
        if ((await find(one, wantedOf('u', '', { a: String(i) }))) === String(i)) found++;
      expect(found).toBeLessThanOrEqual(3);
      expect(await find(one, wantedOf('u', '', { a: '9' }))).toBe('9');
      const names = Array.from({ length: 9 }, (_, i) => `h${i}`);
      expect(await one.keep(wantedOf('w'), answerOf('w'), keeping(one, { vary: names }))).toBe(false);
    });

    it('forgets a URL with all that belongs to it', async () => {
      const [one, other] = await open();
      await one.keep(wantedOf('u', 'x'), answerOf('x'), keeping(one));
      await one.keep(wantedOf('u', 'y'), answerOf('y'), keeping(one));
      await one.keep(wantedOf('v'), answerOf('v'), keeping(one));
      for (const within of ['x', 'y']) expect(await find(other, wantedOf('u', within))).toBe(within);
      await other.invalidate('u');
      for (const within of ['x', 'y']) expect(await find(one, wantedOf('u', within))).toBe('url');
      expect(await find(one, wantedOf('v'))).toBe('v');
    });

    it('forgets by mark, or all', async () => {
      const [one, other] = await open();
      await one.keep(wantedOf('a'), answerOf('a', ['red', 'big']), keeping(one));
      await one.keep(wantedOf('b'), answerOf('b', ['red']), keeping(one));
      await one.keep(wantedOf('c'), answerOf('c', ['blue']), keeping(one));
      await find(other, wantedOf('a'));
      await other.purge('big');
      expect(await find(one, wantedOf('a'))).not.toBe('a');
      expect(await find(one, wantedOf('b'))).toBe('b');
      await other.purge('red');
      expect(await find(one, wantedOf('b'))).not.toBe('b');
      await other.purge(null);
      expect(await find(one, wantedOf('c'))).not.toBe('c');
    });

    it('does not keep what was asked for before it was made void', async () => {
      const [one, other] = await open();
      const before = keeping(one);
      await other.invalidate('u');
      expect(await one.keep(wantedOf('u'), answerOf('old'), before)).toBe(false);
      expect(await one.keep(wantedOf('v'), answerOf('v'), before)).toBe(true);
      const again = keeping(one);
      await other.purge('tag');
      expect(await one.keep(wantedOf('w'), answerOf('old', ['tag']), again)).toBe(false);
      expect(await one.keep(wantedOf('x'), answerOf('x', ['other']), again)).toBe(true);
      expect(await find(one, wantedOf('w'))).toBe('url');
    });
  });
}
