import { removalProblem, responseNameProblem } from '../../lib/header-names.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { compileEdits, editsSchema } from './edits.ts';

export const responseHeaders = definePolicy({
  name: 'responseHeaders',
  phase: 'rewrite',
  summary: "Renames, removes, sets and adds headers of answers, the backend's and the gateway's own.",
  schema: editsSchema('Changes of the headers of every answer.', responseNameProblem, removalProblem),
  bind(config) {
    const edit = compileEdits(config);
    return { onResponse: (x) => edit(x, x.response) };
  },
});
