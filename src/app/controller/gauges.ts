import type { GaugeSample } from '../../observe/metrics-page.ts';
import type { ReflectorState } from '../../sources/kubernetes/reflector.ts';

export interface ClusterState {
  readonly states: readonly ReflectorState[];
  readonly requests: number;
  readonly leading: boolean;
  readonly statusWrites: number;
  readonly statusWaiting: number;
  readonly fromSavedTable: boolean;
}

/** Of several watches of a kind the worst one is shown. */
export function sourceGauges(cluster: ClusterState): readonly GaugeSample[] {
  const nowMs = performance.now();
  const kinds = [...Map.groupBy(cluster.states, ({ kind }) => kind)];
  const each = (name: string, help: string, value: (states: readonly ReflectorState[]) => number) =>
    kinds.map(([kind, states]): GaugeSample => ({ name, help, labels: { kind }, value: value(states) }));
  const age = ({ lastEventAtMs }: ReflectorState) => (nowMs - (lastEventAtMs ?? 0)) / 1000;
  const sum = (states: readonly ReflectorState[], of: (state: ReflectorState) => number) =>
    states.reduce((total, state) => total + of(state), 0);
  const one = (name: string, help: string, value: number): GaugeSample => ({ name, help, labels: {}, value });
  return [
    ...each('gateway_source_synced', 'Whether every object of the kind was listed (1 or 0).', (states) =>
      Number(states.every((state) => state.synced)),
    ),
    ...each(
      'gateway_source_last_event_age_seconds',
      'Seconds since the API server last told anything of the kind, bookmarks included.',
      (states) => Math.max(...states.map(age)),
    ),
    ...each('gateway_source_failures_in_a_row', 'Failed lists and watches in a row.', (states) =>
      Math.max(...states.map((state) => state.failures)),
    ),
    ...each('gateway_source_objects', 'Objects of the kind.', (states) =>
      sum(states, (state) => state.objects),
    ),
    one('gateway_source_requests', 'Requests sent to the API server since the start.', cluster.requests),
    one('gateway_leader', 'Whether this replica writes statuses (1 or 0).', Number(cluster.leading)),
    one('gateway_status_writes', 'Statuses written since the start.', cluster.statusWrites),
    one('gateway_status_waiting', 'Statuses that wait to be written.', cluster.statusWaiting),
    one(
      'gateway_saved_table_served',
      'Whether the table of a former run is served, because the API server did not answer since (1 or 0).',
      Number(cluster.fromSavedTable),
    ),
  ];
}
