import { definePolicy } from '../../pipeline/policy.ts';
import { Answers } from './answers.ts';
import { schema } from './config.ts';
import { Requests } from './requests.ts';
import { openRule } from './rule.ts';

/**
 * Stands where the backend would be asked: requests come as every other policy has left them, and what is kept is what the
 * backend has said. The other policies work on each answer that goes out.
 */
export const cache = definePolicy({
  name: 'cache',
  phase: 'upstream',
  summary: 'Keeps answers and serves them again: a shared HTTP cache by RFC 9111.',
  schema,
  // Another configuration is another cache: what a shadow keeps came from requests that it did not edit.
  resolve: (config, { shadow }) => (shadow ? { ...config, shadow } : config),
  bind(config, env) {
    const rule = openRule(config, env);
    const answers = new Answers(rule);
    const requests = new Requests(rule, answers);
    return {
      onRequest: (x) => requests.onRequest(x),
      onResponse: (x) => answers.onResponse(x),
      onDone: (x) => answers.onDone(x),
    };
  },
});
