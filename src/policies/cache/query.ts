import type { CacheConfig } from './config.ts';

/** The query as it counts; the same string when all of it does. */
export type QueryFilter = (query: string) => string;

/** Names are compared as they are written: what is written in another way counts, and is sent. */
export function compileQuery(config: CacheConfig['key']['query']): QueryFilter | null {
  if (config === undefined) return null;
  if (config.only !== undefined) return filter(matcherOf(config.only), true);
  return config.ignore === undefined ? null : filter(matcherOf(config.ignore), false);
}

function filter(names: (name: string) => boolean, keeps: boolean): QueryFilter {
  return function filtered(query) {
    if (query === '') return query;
    const parameters = query.split('&');
    const kept = parameters.filter((parameter) => {
      const equals = parameter.indexOf('=');
      return names(equals < 0 ? parameter : parameter.slice(0, equals)) === keeps;
    });
    return kept.length === parameters.length ? query : kept.join('&');
  };
}

function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const whole = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const beginnings = patterns
    .filter((pattern) => pattern.endsWith('*'))
    .map((pattern) => pattern.slice(0, -1));
  return (name) => whole.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}
