import { requestNameProblem } from '../../lib/header-names.ts';
import { definePolicy } from '../../pipeline/policy.ts';
import { compileEdits, editsSchema } from './edits.ts';

export const requestHeaders = definePolicy({
  name: 'requestHeaders',
  phase: 'rewrite',
  summary: 'Renames, removes, sets and adds headers of requests before they are forwarded.',
  schema: editsSchema(
    'Changes of the headers of requests, after clients were authenticated and matching is done.',
    requestNameProblem,
    requestNameProblem,
  ),
  bind(config) {
    const edit = compileEdits(config);
    return { onRequest: (x) => edit(x, x.request) };
  },
});
