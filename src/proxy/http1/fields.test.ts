import { describe, expect, it } from 'vitest';
import { Fields, parseFieldLines } from './fields.ts';
import { HEADER_NAMES, HeaderKind, headerKind } from './header-kind.ts';

function fieldsOf(raw: string): Fields {
  const fields = new Fields();
  expect(parseFieldLines(Buffer.from(raw, 'latin1'), 0, raw.length, fields, 100)).toBe(0);
  fields.raw = raw;
  return fields;
}

describe('headerKind', () => {
  const kindOf = (name: string) => headerKind(Buffer.from(`:${name}:`, 'latin1'), 1, 1 + name.length);

  it('knows every name in either case, and only as a whole', () => {
    for (const [kind, name] of HEADER_NAMES.entries()) {
      if (kind === 0) continue;
      expect(name).toMatch(/^[a-z0-9-]+$/);
      expect(kindOf(name)).toBe(kind);
      expect(kindOf(name.toUpperCase())).toBe(kind);
      for (const other of [
        ...Array.from(name, (_, length) => name.slice(0, length)),
        `${name}x`,
        `x${name}`,
        name.slice(1),
        name.replace(/.$/, '_'),
      ]) {
        expect(kindOf(other), other).toBe(HeaderKind.other);
      }
    }
  });

  it('names each kind once', () => {
    expect(HEADER_NAMES).toHaveLength(new Set(Object.values(HeaderKind)).size);
    expect(new Set(HEADER_NAMES).size).toBe(HEADER_NAMES.length);
    expect(HEADER_NAMES[HeaderKind.http2Settings]).toBe('http2-settings');
    expect(HEADER_NAMES[HeaderKind.xRealIp]).toBe('x-real-ip');
  });

  it('knows no other name', () => {
    for (const name of ['', 'a', 'x', 'x-user', '__proto__', 'constructor', 'a'.repeat(300)]) {
      expect(kindOf(name)).toBe(HeaderKind.other);
    }
  });
});

describe('Fields', () => {
  const raw = 'Host:  a.example \r\nX-User: one\r\nx-user:\ttwo\r\nX_User: three\r\n\r\n';

  it('finds lines by name in any case', () => {
    const fields = fieldsOf(raw);
    expect(fields.find('host')).toBe(0);
    expect(fields.find('x-user')).toBe(1);
    expect(fields.find('x_user')).toBe(3);
    expect(fields.find('x-use')).toBe(-1);
    expect(fields.findKind(HeaderKind.host)).toBe(0);
    expect(fields.findKind(HeaderKind.via)).toBe(-1);
    expect(fields.nameIs(2, 'x-user')).toBe(true);
    expect(fields.nameIs(3, 'x-user')).toBe(false);
    expect(fields.name(1)).toBe('X-User');
    expect(fields.lowerName(1)).toBe('x-user');
    expect(fields.lowerName(0)).toBe('host');
  });

  it('gives values without the white space around them', () => {
    const fields = fieldsOf(raw);
    expect([0, 1, 2, 3].map((index) => fields.value(index))).toEqual(['a.example', 'one', 'two', 'three']);
    expect(fieldsOf('A: \t \r\nB: b \t c\t\r\n\r\n').value(0)).toBe('');
    expect(fieldsOf('A: \t \r\nB: b \t c\t\r\n\r\n').value(1)).toBe('b \t c');
  });

  it('gives lines that join to the whole section', () => {
    const fields = fieldsOf(raw);
    const lines = [0, 1, 2, 3].map((index) => raw.slice(fields.lineStart(index), fields.lineEnd(index)));
    expect(`${lines.join('')}\r\n`).toBe(raw);
    expect(lines[2]).toBe('x-user:\ttwo\r\n');
  });
});
