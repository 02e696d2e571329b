import { formatDuration } from '../../lib/duration.ts';
import { styled } from '../colour.ts';
import type { ActionReport } from './action.ts';
import type { ExplainReport, WinnerReport } from './report.ts';

/** The nearest say the most. */
const MAX_SHOWN = 6;

/** The report for people. */
export function reportText(report: ExplainReport): string {
  return [...requestLines(report), ...outcomeLines(report), ...candidateLines(report)].join('\n');
}

function requestLines({ request, refusal }: ExplainReport): string[] {
  const { method, host, receivedPath, query, listener, clientAddress, path, normalisation } = request;
  const target = `${receivedPath}${query === '' ? '' : `?${query}`}`;
  const lines = [
    `request    ${styled('bold', `${method} ${target}`)} for ${host || 'no host'}, by listener ${listener || '-'} from ${clientAddress || '-'}`,
  ];
  if (normalisation.length > 0) lines.push(`path       ${path} (${normalisation.join('; ')})`);
  if (refusal !== null) lines.push(`${styled('red', 'refused')}    ${refusal.status}: ${refusal.reason}`);
  return lines;
}

function outcomeLines({ winner, refusal }: ExplainReport): string[] {
  if (refusal !== null) return [];
  if (winner === null) return [`${styled('red', 'no route')}   404: no route takes this request`];
  return winnerLines(winner);
}

function winnerLines(winner: WinnerReport): string[] {
  const policies = winner.policies.map(
    ({ name, phase, shadow, origin }) =>
      `           ${(phase ?? '').padEnd(8)} ${name}${shadow ? ' (shadow)' : ''}  ${styled('dim', origin)}`,
  );
  return [
    `${styled('green', 'route')}      ${styled('bold', winner.route)}  ${styled('dim', winner.routeOrigin)}`,
    `rule       ${winner.rule}  ${styled('dim', winner.ruleOrigin)}`,
    `match      ${winner.match}, host ${winner.host}  ${styled('dim', winner.origin)}`,
    ...consumerLines(winner.consumer),
    ...(policies.length === 0 ? ['policies   none'] : ['policies   in this order:', ...policies]),
    ...actionLines(winner.action),
  ];
}

function consumerLines(consumer: WinnerReport['consumer']): string[] {
  if (consumer === null) return [];
  const { key, isFound, closed } = consumer;
  if (!isFound) return [`consumer   ${key}, but no policy of the rule finds out who calls`];
  return [
    `consumer   ${key}`,
    ...(closed === null ? [] : [`${styled('red', 'closed')}     500 for this consumer: ${closed}`]),
  ];
}

function actionLines(action: ActionReport): string[] {
  switch (action.kind) {
    case 'fail':
      return [`${styled('red', 'closed')}     500: ${action.reason}`];
    case 'respond':
      return [`respond    ${action.status}`];
    case 'redirect':
      return [
        `redirect   ${action.status} to ${action.authority}${action.path ?? ' (refused: the path is ambiguous)'}`,
      ];
    case 'forward':
      return forwardLines(action);
  }
}

function forwardLines(action: Extract<ActionReport, { kind: 'forward' }>): string[] {
  const { request, backend, idle } = action.timeoutsMs;
  return [
    `forward    ${action.path ?? '400: the rewritten path is ambiguous'}`,
    ...action.backends.map(({ cluster, share, host, endpoints }) => {
      const state =
        endpoints.ready === 0
          ? styled('red', 'no endpoint is ready: 503')
          : `${endpoints.ready} of ${endpoints.total} endpoints ready`;
      return `           ${percent(share).padStart(6)} ${cluster}, Host: ${host}, ${state}`;
    }),
    ...action.mirrors.map((mirror) => `mirror     ${mirror.percent}% to ${mirror.cluster}`),
    `time-outs  request ${timeout(request)}, backend ${timeout(backend)}, idle ${timeout(idle)}; retries ${action.retries}`,
  ];
}

function candidateLines({ candidates }: ExplainReport): string[] {
  if (candidates.length === 0) return [];
  const lines = candidates
    .slice(0, MAX_SHOWN)
    .map(
      ({ route, rule, match, why, origin }) =>
        `           ${route} ${rule}: ${match}\n             ${why}  ${styled('dim', origin)}`,
    );
  const more = candidates.length - MAX_SHOWN;
  return ['others', ...lines, ...(more > 0 ? [`           and ${more} more, see -o json`] : [])];
}

function timeout(ms: number): string {
  return ms === 0 ? 'none' : formatDuration(ms);
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
