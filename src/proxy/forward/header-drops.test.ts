import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderView } from '../header-view.ts';
import { HeaderKind } from '../http1/header-kind.ts';
import { accepted, GET } from '../http1/testing.ts';
import { copyLines, dropsOf, HOP_BY_HOP } from './header-drops.ts';

const HOP_NAMES = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
const DROPS = dropsOf(HOP_BY_HOP);

const line = fc.record({
  name: fc.constantFrom(
    ...[
      'Accept',
      'Cookie',
      'X-A',
      'X-B',
      'x-b',
      'X_B',
      'X_Forwarded_For',
      'Keep-Alive',
      'Proxy-Connection',
      'TE',
    ],
    ...['HTTP2-Settings', 'Authorization', 'X-Forwarded-For', 'Content-Type', 'Via'],
  ),
  value: fc.constantFrom('1', 'a, b', '', 'trailers', 'é'),
});
const tokens = fc.oneof(
  fc.constant<string[]>([]),
  fc.subarray(['x-a', 'x-b', 'cookie', 'host', 'content-length', 'keep-alive']),
);
const removed = fc.subarray(['x-a', 'x_b', 'accept', 'via']);

describe('copyLines', () => {
  it('is a filter of the lines, which otherwise stay as they were sent', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        tokens,
        removed,
        fc.boolean(),
        (lines, named, gone, strict) => {
          const texts = [
            'Host: a.example',
            ...lines.map(({ name, value }) => `${name}:${value === '' ? '' : ` ${value}`}`),
            'Content-Length: 0',
            ...(named.length === 0 ? [] : [`Connection: ${named.join(', ')}`]),
          ];
          const head = accepted(GET, ...texts);
          const view = new HeaderView();
          view.useFields(head.fields);
          for (const name of gone) view.removeHeader(name);
          const key = (name: string) => name.replaceAll('_', '-');
          const kept = texts.filter((text) => {
            const name = text.slice(0, text.indexOf(':')).toLowerCase();
            if (HOP_NAMES.has(name)) return false;
            if (strict && name.includes('_')) return false;
            if (gone.some((other) => key(other) === key(name))) return false;
            return name === 'host' || name === 'content-length' || !named.includes(name);
          });
          const rules = { drops: DROPS, dropUnderscores: strict };
          const edits = gone.length === 0 ? null : view;
          const expected = kept.map((text) => `${text}\r\n`).join('');
          expect(copyLines(head.fields, rules, head.connectionTokens, edits)).toBe(expected);
          // Shared by many messages, it is asked for by different rules and edits in turn.
          const other = new HeaderView();
          other.useFields(head.fields);
          other.removeHeader('cookie');
          const lax = { ...rules, dropUnderscores: !strict };
          const asks = [
            [rules, edits],
            [rules, other],
            [lax, edits],
            [lax, null],
          ] as const;
          const ask = ([by, view]: (typeof asks)[number]) =>
            copyLines(head.fields, by, head.connectionTokens, view);
          const unshared = asks.map(ask);
          head.fields.share();
          expect([...asks.map(ask), ...asks.map(ask)]).toEqual([...unshared, ...unshared]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes out of shared lines what this message has removed, not what another one has since', () => {
    const head = accepted(GET, 'Host: a.example', 'X-A: 1', 'Cookie: c');
    head.fields.share();
    const rules = { drops: DROPS, dropUnderscores: false };
    const [one, other] = [new HeaderView(), new HeaderView()];
    for (const view of [one, other]) {
      view.useFields(head.fields);
      view.removeHeader('x-a');
    }
    expect(copyLines(head.fields, rules, '', one)).toBe('Host: a.example\r\nCookie: c\r\n');
    one.removeHeader('cookie');
    other.removeHeader('cookie');
    expect(copyLines(head.fields, rules, '', other)).toBe('Host: a.example\r\n');
  });

  it('drops the kinds it is told to, and no others', () => {
    const head = accepted(GET, 'Host: a.example', 'Server: x', 'Via: 1.1 b', 'Date: now');
    const rules = { drops: dropsOf([HeaderKind.server, HeaderKind.via]), dropUnderscores: false };
    expect(copyLines(head.fields, rules, '', null)).toBe('Host: a.example\r\nDate: now\r\n');
  });
});
