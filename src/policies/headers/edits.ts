import type { Static } from 'typebox';
import { headerText } from '../../lib/header-schema.ts';
import { fields, list, listByName, type Refinement, refined, token } from '../../lib/schema.ts';
import { templateProblem } from '../../lib/text-template.ts';
import type { Exchange, HeaderFields } from '../../pipeline/exchange.ts';
import { compileValue } from '../../pipeline/value-template.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the variables of an operator's text
const value = refined(
  headerText(
    'Its value; may hold `${requestId}`, `${clientAddress}`, `${method}`, `${scheme}`, `${host}`, `${path}` and `${header.NAME}` of the request. ' +
      'A value that comes out empty is not written.',
    { minLength: 1 },
  ),
  (written) => templateProblem(() => compileValue(written)),
);
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above

/** The configuration of both policies: which names may be written, and which removed. */
export function editsSchema(description: string, written: Refinement<string>, removed: Refinement<string>) {
  const name = (what: string) => refined(token(what), written);
  const line = fields({ name: name('Name of the header, in any case.'), value }, 'One header line.');
  return fields(
    {
      rename: list(
        fields(
          { from: refined(token('Name that it has.'), removed), to: name('Name that it gets.') },
          'One header; nothing happens where it is absent.',
        ),
        'First: headers that get another name, in place of a header that has it already.',
        { maxItems: 32, default: [] },
      ),
      remove: list(refined(token('Name of the header, in any case.'), removed), 'Then: headers that go.', {
        maxItems: 64,
        default: [],
      }),
      set: {
        ...listByName(line, 'Then: headers that take the place of every line of that name.', {
          maxItems: 32,
        }),
        default: [],
      },
      add: list(line, 'Last: lines that come beside those that are there.', { maxItems: 32, default: [] }),
    },
    description,
  );
}

type Edits = Static<ReturnType<typeof editsSchema>>;

/** One function that makes all edits, in the order of the schema. */
export function compileEdits(edits: Edits): (x: Exchange, target: HeaderFields) => void {
  const rename = edits.rename.map(({ from, to }) => [from.toLowerCase(), to.toLowerCase()] as const);
  const remove = edits.remove.map((name) => name.toLowerCase());
  const lines = ({ name, value: text }: Edits['set'][number]) =>
    [name.toLowerCase(), compileValue(text)] as const;
  const set = edits.set.map(lines);
  const add = edits.add.map(lines);
  return function editHeaders(x, target) {
    for (const [from, to] of rename) renameHeader(target, from, to);
    if (remove.length > 0) target.removeHeaders(remove);
    for (const [name, template] of set) {
      const rendered = template.render(x);
      if (rendered === '') target.removeHeader(name);
      else target.setHeader(name, rendered);
    }
    for (const [name, template] of add) {
      const rendered = template.render(x);
      if (rendered !== '') target.addHeader(name, rendered);
    }
  };
}

function renameHeader(target: HeaderFields, from: string, to: string): void {
  const lines = target.headerLines(from);
  if (lines.length === 0) return;
  target.removeHeader(from);
  target.removeHeader(to);
  for (const line of lines) target.addHeader(to, line);
}
