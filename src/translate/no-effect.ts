import type { RouteRule } from '../resources/gateway-route/schema.ts';
import type { Report } from './report.ts';

const OF_BACKENDS = ['rewrite', 'retry', 'hedge', 'mirror'] as const;
/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5. */
const BODILESS: readonly number[] = [204, 205, 304];

/** Notes what a rule says in vain: whoever wrote it waits for something that never happens. */
export function noteNoEffect(rule: RouteRule, at: string, report: Report): void {
  const { respond } = rule;
  if (rule.backends === undefined) {
    const because = `the rule ${respond === undefined ? 'redirects' : 'answers itself'} and asks no backend`;
    for (const field of OF_BACKENDS) {
      if (rule[field] !== undefined) report.note(`${at}.${field}`, { code: 'noEffect', because });
    }
  }
  if (respond !== undefined && respond.body !== '' && BODILESS.includes(respond.status)) {
    const because = `an answer of ${respond.status} has no body`;
    report.note(`${at}.respond.body`, { code: 'noEffect', because });
  }
}
