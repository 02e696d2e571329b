import { type Static, Type } from 'typebox';
import { encodeQueryPart, type QueryPart, queryParts } from '../lib/query-parts.ts';
import { fields, list, listByName, refined, text } from '../lib/schema.ts';
import { type TextTemplate, templateProblem } from '../lib/text-template.ts';
import type { Exchange } from '../pipeline/exchange.ts';
import { definePolicy } from '../pipeline/policy.ts';
import { compileValue } from '../pipeline/value-template.ts';

const name = (description: string) => text(description, { minLength: 1, maxLength: 256 });

const parameter = fields(
  {
    name: name('Name of the parameter, decoded; case counts.'),
    value: refined(
      text(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
        'Its value, decoded; may hold the variables of requestHeaders, such as `${clientAddress}`. One that comes out empty is not written.',
        { minLength: 1, maxLength: 4096 },
      ),
      (written) => templateProblem(() => compileValue(written)),
    ),
  },
  'One parameter.',
);

const schema = fields(
  {
    rename: list(
      fields(
        { from: name('Name that it has.'), to: name('Name that it gets.') },
        'One parameter; nothing happens where it is absent.',
      ),
      'First: parameters that get another name, in place of those that have it already.',
      { maxItems: 32, default: [] },
    ),
    remove: list(name('Name of the parameter, decoded; case counts.'), 'Then: parameters that go.', {
      maxItems: 64,
      default: [],
    }),
    set: {
      ...listByName(parameter, 'Then: parameters that take the place of all of that name.', { maxItems: 32 }),
      default: [],
    },
    add: list(parameter, 'Last: parameters that come beside those that are there.', {
      maxItems: 32,
      default: [],
    }),
    dropOthers: Type.Boolean({
      description:
        'Parameters that the lists do not name go: the backend sees only what is renamed, set and added.',
      default: false,
    }),
  },
  'Changes of the query of requests, after matching. What is not named stays as it was sent, byte for byte.',
);

export const requestQuery = definePolicy({
  name: 'requestQuery',
  phase: 'rewrite',
  summary: 'Renames, removes, sets and adds query parameters of requests before they are forwarded.',
  schema,
  bind(config) {
    const edit = compileEdits(config);
    return {
      onRequest(x) {
        const { query } = x.request;
        const edited = edit(query, x);
        if (edited !== query) x.request.setQuery(edited);
      },
    };
  },
});

type Line = readonly [name: string, encodedName: string, value: TextTemplate<Exchange>];

function compileEdits(config: Static<typeof schema>): (query: string, x: Exchange) => string {
  const line = ({ name: written, value }: { name: string; value: string }): Line => [
    written,
    encodeQueryPart(written),
    compileValue(value),
  ];
  const set = config.set.map(line);
  const add = config.add.map(line);
  const renamed = config.rename.map(({ from, to }) => ({ from, to, encoded: encodeQueryPart(to) }));
  const gone = new Set([...config.remove, ...config.set.map((one) => one.name)]);
  const kept = new Set(config.rename.map(({ to }) => to));
  return function editQuery(query, x) {
    let parts = queryParts(query);
    for (const { from, to, encoded } of renamed) parts = rename(parts, from, to, encoded);
    const texts = parts
      .filter((part) => !gone.has(part.name) && (!config.dropOthers || kept.has(part.name)))
      .map((part) => part.text);
    for (const [, encoded, value] of [...set, ...add]) {
      const rendered = value.render(x);
      if (rendered !== '') texts.push(`${encoded}=${encodeQueryPart(rendered)}`);
    }
    return texts.join('&');
  };
}

function rename(parts: QueryPart[], from: string, to: string, encoded: string): QueryPart[] {
  if (!parts.some((part) => part.name === from)) return parts;
  return parts
    .filter((part) => part.name !== to)
    .map((part) => (part.name === from ? { ...part, name: to, text: `${encoded}${part.rest}` } : part));
}
