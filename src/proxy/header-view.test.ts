import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderView } from './header-view.ts';
import { accepted, GET, HOST } from './http1/testing.ts';

type Line = readonly [name: string, value: string];

/** A plain list of lines: what the view must look like from outside. */
class Model {
  lines: Line[];
  readonly removed = new Set<string>();
  constructor(lines: readonly Line[]) {
    this.lines = lines.map(([name, value]) => [name.toLowerCase(), value]);
  }
  remove(name: string): void {
    const key = (text: string) => text.toLowerCase().replaceAll('_', '-');
    this.removed.add(key(name));
    this.lines = this.lines.filter(([other]) => key(other) !== key(name));
  }
  add(name: string, value: string): void {
    this.lines.push([name.toLowerCase(), value]);
  }
  values(name: string): string[] {
    return this.lines.filter(([other]) => other === name).map(([, value]) => value);
  }
}

const NAMES = ['X-A', 'x-a', 'X_A', 'X-B', 'Accept', 'accept', 'Cookie', 'X-Forwarded-For', 'x-c'];
const name = fc.constantFrom(...NAMES);
const value = fc.constantFrom('1', '2', 'a, b', '', 'ü', 'a\tb');
const line = fc.tuple(name, value);
const edit = fc.oneof(
  fc.record({ kind: fc.constant('set'), name, value }),
  fc.record({ kind: fc.constant('add'), name, value }),
  fc.record({ kind: fc.constant('remove'), name, value }),
  fc.record({ kind: fc.constantFrom('removeAB', 'removeRest'), name, value }),
);
const LISTS: Record<string, readonly string[]> = {
  removeAB: ['x-a', 'x-b'],
  removeRest: ['accept', 'cookie', 'x-forwarded-for', 'x-c', 'x-d'],
};

function same(view: HeaderView, model: Model): void {
  expect(view.headerEntries()).toEqual(model.lines);
  for (const lower of new Set(NAMES.map((one) => one.toLowerCase()))) {
    const values = model.values(lower);
    expect(view.headerLines(lower)).toEqual(values);
    expect(view.header(lower)).toBe(values.length === 0 ? null : values.join(', '));
    expect(view.isRemovedTrailer(lower)).toBe(model.removed.has(lower.replaceAll('_', '-')));
  }
}

function apply(
  view: HeaderView,
  model: Model,
  edits: readonly { kind: string; name: string; value: string }[],
): void {
  for (const one of edits) {
    if (one.kind === 'set') {
      view.setHeader(one.name, one.value);
      model.remove(one.name);
      model.add(one.name, one.value);
    } else if (one.kind === 'add') {
      view.addHeader(one.name, one.value);
      model.add(one.name, one.value);
    } else if (LISTS[one.kind] !== undefined) {
      view.removeHeaders(LISTS[one.kind]!);
      for (const name of LISTS[one.kind]!) model.remove(name);
    } else {
      view.removeHeader(one.name);
      model.remove(one.name);
    }
    same(view, model);
  }
}

describe('HeaderView', () => {
  it('over a parsed message, edits as a plain list of lines', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(edit, { maxLength: 8 }), (lines, edits) => {
        const view = new HeaderView();
        view.useFields(accepted(GET, HOST, ...lines.map(([n, v]) => `${n}: ${v}`)).fields);
        const model = new Model([['host', 'a.example'], ...lines]);
        same(view, model);
        apply(view, model, edits);
      }),
    );
  });

  it('over lines that messages share, edits as plain lists that have nothing to do with one another', () => {
    const edits = fc.array(edit, { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(edits, { maxLength: 4 }), (lines, messages) => {
        const { fields } = accepted(GET, HOST, ...lines.map(([n, v]) => `${n}: ${v}`));
        fields.share();
        const view = new HeaderView();
        for (const one of messages) {
          view.useFields(fields);
          const model = new Model([['host', 'a.example'], ...lines]);
          same(view, model);
          apply(view, model, one);
        }
      }),
    );
  });

  it('over a message made here, edits as a plain list of lines', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(edit, { maxLength: 8 }), (lines, edits) => {
        const view = new HeaderView();
        const lower = lines.map(([n, v]) => [n.toLowerCase(), v] as const);
        view.useLines(lower);
        const model = new Model(lower);
        same(view, model);
        apply(view, model, edits);
        expect(view.ownText()).toBe(model.lines.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
      }),
    );
  });

  it('begins anew with the next message', () => {
    const view = new HeaderView();
    view.useLines([['x-a', '1']]);
    view.setHeader('x-b', '2');
    view.removeHeader('x-a');
    view.useLines([['x-a', '3']]);
    expect([view.edited, view.headerEntries()]).toEqual([false, [['x-a', '3']]]);
  });

  it.each(['a\r\nb', 'a\nb', 'a\0b', 'a\x7fb', 'č', '中', '\u{1f600}'])('refuses the value %j', (bad) => {
    const view = new HeaderView();
    view.useLines([]);
    expect(() => view.addHeader('x-a', bad)).toThrow(TypeError);
    expect(() => view.setHeader('x-a', bad)).toThrow(TypeError);
    expect(view.headerEntries()).toEqual([]);
  });

  it('refuses a bad value of a name that was written before', () => {
    const view = new HeaderView();
    view.useLines([]);
    for (const good of ['1', '1', '2']) view.setHeader('X-Known', good);
    expect(() => view.setHeader('X-Known', '2\r\nx: y')).toThrow(TypeError);
    expect(() => view.addHeader('x-known', 'a\nb')).toThrow(TypeError);
    expect(view.ownText()).not.toContain('\nx: y');
    expect(view.ownText()).not.toContain('a\nb');
  });

  it.each(['', 'a b', 'a:b', 'a\r\n', 'ü', 'a(b)', '"a"'])('refuses the name %j', (bad) => {
    const view = new HeaderView();
    view.useLines([]);
    expect(() => view.addHeader(bad, '1')).toThrow(TypeError);
  });
});
