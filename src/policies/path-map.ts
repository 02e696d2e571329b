import { Type } from 'typebox';
import { normalizePath } from '../lib/path.ts';
import { choice, fields, list, refined } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';

const path = (description: string) =>
  refined(Type.String({ description, minLength: 1, maxLength: 1024 }), (written) =>
    normalizePath(written) === null ? 'write a path like /a/b, without query and without ..' : null,
  );

const schema = fields(
  {
    paths: list(
      fields(
        {
          from: path('Path of the request, normalised; without the slash at the end for a prefix.'),
          kind: choice(['exact', 'prefix'], '`prefix`: on segment boundaries; what follows it is kept.', {
            default: 'exact',
          }),
          to: path('What takes its place.'),
        },
        'One path.',
      ),
      'An exact path goes before prefixes, a longer prefix before a shorter one; an earlier entry before a later one.',
      { minItems: 1, maxItems: 1000 },
    ),
  },
  'Gives requests other paths, by a table. The rewrite of the rule is applied to the result.',
);

export const pathMap = definePolicy({
  name: 'pathMap',
  phase: 'rewrite',
  summary: 'Gives requests other paths, by a table.',
  schema,
  bind({ paths }) {
    const exact = new Map<string, string>();
    /** Without a slash at the end; empty: every path. */
    const prefixes = new Map<string, string>();
    for (const { from, kind, to } of paths) {
      const [table, key, value] =
        kind === 'exact'
          ? [exact, normalizePath(from)!, normalizePath(to)!]
          : [prefixes, withoutSlash(normalizePath(from)!), withoutSlash(normalizePath(to)!)];
      if (!table.has(key)) table.set(key, value);
    }
    return {
      onRequest({ request }) {
        const found = exact.get(request.path) ?? byPrefix(prefixes, request.path);
        if (found !== null) request.setPath(found);
      },
    };
  },
});

function byPrefix(prefixes: ReadonlyMap<string, string>, whole: string): string | null {
  if (prefixes.size === 0 || !whole.startsWith('/')) return null;
  for (let end = whole.length; end >= 0; end = end === 0 ? -1 : whole.lastIndexOf('/', end - 1)) {
    const to = prefixes.get(whole.slice(0, end));
    if (to !== undefined) return `${to}${whole.slice(end)}` || '/';
  }
  return null;
}

function withoutSlash(written: string): string {
  return written.endsWith('/') ? written.slice(0, -1) : written;
}
