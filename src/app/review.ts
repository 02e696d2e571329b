import { findShadowed } from '../compile/shadow.ts';
import type { Finding } from '../ir/finding.ts';
import type { Translator } from '../translate/translator.ts';

/** Findings that need all routes at once: matches that never win a request. */
export function reviewRoutes(translator: Translator): readonly Finding[] {
  return findShadowed(translator.ir.routes).map(({ origin, by }) => ({
    code: 'shadowed',
    origin: translator.locate(origin),
    by: translator.locate(by),
  }));
}
