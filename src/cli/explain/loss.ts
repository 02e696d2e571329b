import type { CompiledEntry, Loss } from '../../compile/table.ts';
import type { RequestView } from '../../proxy/exchange/request-view.ts';

type Precedence = Extract<Loss, { reason: 'precedence' }>['by'];

const PRECEDENCE: Readonly<Record<Precedence, string>> = {
  host: 'it matches, but the winner has the more specific host',
  pathKind: 'it matches, but the winner has the more specific kind of path',
  pathLength: 'it matches, but the winner has the longer path',
  conditions: 'it matches, but the winner has more conditions',
  age: 'it matches, but the winner is older',
  name: 'it matches, but the name of the winner comes first',
  ruleOrder: 'it matches, but the winner comes first in the same route',
};

/** Why a candidate does not take the request, in words. */
export function describeLoss(loss: Loss, entry: CompiledEntry<string>, request: RequestView): string {
  const { route } = entry.rule;
  const { match } = entry;
  switch (loss.reason) {
    case 'precedence':
      return PRECEDENCE[loss.by];
    case 'listener':
      return `it is for listener ${route.listeners.join(', ')}, not ${request.listener}`;
    case 'host':
      return `it is for host ${entry.host}, not ${request.host || 'a request without one'}`;
    case 'path':
      return `the path ${request.path} is not its ${match.path.kind} path`;
    case 'method':
      return `it takes ${match.methods.join(', ')}, not ${request.method}`;
    case 'clientAddress':
      return `${request.clientAddress} is in none of ${match.clientAddresses.join(', ')}`;
    case 'header':
      return `header ${loss.name} is ${quote(request.header(loss.name))}`;
    case 'query':
      return `query parameter ${loss.name} is ${quote(request.queryParam(loss.name))}`;
    case 'cookie':
      return `cookie ${loss.name} is ${quote(request.cookie(loss.name))}`;
    case 'claim':
      return `claim ${loss.name} of the token does not fit`;
  }
}

function quote(value: string | null): string {
  return value === null ? 'not there' : JSON.stringify(value);
}
