import type { Exchange } from '../../pipeline/exchange.ts';
import { createSlot } from '../../pipeline/slot.ts';
import type { Charge } from '../../state/limits/store.ts';
import type { Asked, Counting } from './counting.ts';
import { headerCost } from './limiter.ts';

/** What a request was admitted with, until its answer says what it cost. */
const openSlot = createSlot<[counting: Counting, asked: readonly Asked[]][]>('rateLimitOpen');
/** Costs that answers have told: the first limit that reads one takes it out of the answer. */
const toldSlot = createSlot<Map<string, string | null>>('rateLimitCosts');

/** Keeps what {@link settle} takes the rest of. */
export function keepOpen(x: Exchange, counting: Counting, asked: readonly Asked[]): void {
  const open = x.get(openSlot);
  if (open === undefined) x.set(openSlot, [[counting, asked]]);
  else open.push([counting, asked]);
}

/** Takes what the answer says beyond what was taken before. It waits for no store. */
export function settle(x: Exchange): void {
  const open = x.get(openSlot);
  if (open === undefined) return;
  // Once for each answer: another one may take its place.
  for (const [counting, asked] of open.splice(0)) {
    const charges = asked.flatMap((one): Charge[] => {
      const { costResponseHeader, counts } = one.limiter;
      const { meter, key } = one;
      if (counts !== null) return counts(x.response.status) ? [{ meter, key, cost: one.cost }] : [];
      if (costResponseHeader === null) return [];
      const told = headerCost(toldCost(x, costResponseHeader));
      if (told === null) return [];
      const rest = told * one.share - one.cost;
      return rest > 0 ? [{ meter, key, cost: rest }] : [];
    });
    if (charges.length > 0) counting.debit(charges);
  }
}

function toldCost(x: Exchange, name: string): string | null {
  // What the gateway answers itself has cost the backend nothing.
  if (x.response.madeHere) return null;
  let told = x.get(toldSlot);
  if (told === undefined) {
    told = new Map();
    x.set(toldSlot, told);
  }
  if (!told.has(name)) {
    told.set(name, x.response.header(name));
    x.response.removeHeader(name);
  }
  return told.get(name) ?? null;
}
