/** What a condition shall say. */
export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** As the API server has it. */
export interface StoredCondition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** Types that are ours: one of them that is stored but not wanted has to go. */
const OURS: ReadonlySet<string> = new Set(['Accepted', 'ResolvedRefs', 'Programmed', 'Shadowed']);

export interface MergedConditions {
  /** All that we say, to be applied. */
  readonly conditions: readonly StoredCondition[];
  /** Whether it differs from what is stored. */
  readonly changed: boolean;
  /** Conditions whose status is another one now, or which are new and not as they should be. */
  readonly transitions: readonly StoredCondition[];
}

/** What to write, beside what is stored: times of transitions stay where nothing changed. */
export function mergeConditions(
  stored: readonly StoredCondition[],
  wanted: readonly WantedCondition[],
  observedGeneration: number,
  now: Date,
): MergedConditions {
  const before = new Map(stored.map((condition) => [condition.type, condition]));
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const conditions = wanted.map((condition): StoredCondition => {
    const old = before.get(condition.type);
    const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : time;
    return { ...condition, observedGeneration, lastTransitionTime };
  });
  const types = new Set(wanted.map(({ type }) => type));
  const leftOver = stored.some(({ type }) => OURS.has(type) && !types.has(type));
  return {
    conditions,
    changed: leftOver || conditions.some((condition) => !same(condition, before.get(condition.type))),
    transitions: conditions.filter((condition) => {
      const old = before.get(condition.type);
      return old === undefined ? isBad(condition) : old.status !== condition.status;
    }),
  };
}

/** Whether the condition asks for someone's attention. */
export function isBad({ type, status }: { readonly type: string; readonly status: string }): boolean {
  return (status === 'True') === (type === 'Shadowed');
}

/** The conditions of a status, whatever it is. */
export function conditionsIn(status: unknown): readonly StoredCondition[] {
  const { conditions } = (status ?? {}) as { conditions?: unknown };
  return Array.isArray(conditions) ? (conditions as StoredCondition[]) : [];
}

function same(a: StoredCondition, b: StoredCondition | undefined): boolean {
  return (
    b !== undefined &&
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}
