import type { CompiledEntry, Explanation, Loss } from '../../compile/table.ts';
import type { ConsumerIr } from '../../ir/consumer.ts';
import { describeOrigin, type Origin } from '../../ir/origin.ts';
import { printMatch } from '../../ir/print.ts';
import type { PolicyRef } from '../../ir/route.ts';
import { PHASES, type Phase, type PolicyCatalogue, phaseOf } from '../../pipeline/policy.ts';
import { type ActionContext, type ActionReport, reportAction } from './action.ts';
import { describeLoss } from './loss.ts';
import { describeNormalisation } from './normalisation.ts';
import type { ParsedRequest, Refusal } from './request.ts';

/** One match of one rule, with the place where it is written. */
export interface EntryReport {
  readonly route: string;
  readonly rule: string;
  /** Host pattern; `*` for every host. */
  readonly host: string;
  readonly match: string;
  readonly origin: string;
}

export interface WinnerReport extends EntryReport {
  readonly routeOrigin: string;
  readonly ruleOrigin: string;
  /** In the order in which they see the request. */
  readonly policies: readonly {
    readonly name: string;
    readonly phase: Phase | null;
    /** It only tells what it would have done. */
    readonly shadow: boolean;
    readonly origin: string;
  }[];
  /** Who sends it, where that was asked for. */
  readonly consumer: ConsumerReport | null;
  readonly action: ActionReport;
}

export interface ConsumerReport {
  /** `Consumer/namespace/name` */
  readonly key: string;
  /** A policy of the rule finds out who calls; without one, those of Consumers do not run. */
  readonly isFound: boolean;
  /** Why all its requests are answered with 500; null: they are not. */
  readonly closed: string | null;
}

export interface CandidateReport extends EntryReport {
  readonly loss: Loss;
  readonly why: string;
}

/** The stable form of `-o json`; see docs/cli.md. */
export interface ExplainReport {
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly listener: string;
    readonly clientAddress: string;
    readonly receivedPath: string;
    readonly path: string;
    readonly normalisation: readonly string[];
    readonly query: string;
  };
  readonly refusal: Refusal | null;
  readonly winner: WinnerReport | null;
  readonly candidates: readonly CandidateReport[];
  readonly generation: number;
}

export interface ReportContext extends ActionContext {
  readonly generation: number;
  readonly catalogue: PolicyCatalogue;
  locate(origin: Origin): Origin;
  /** The Consumer that sends the request, of that namespace unless it was named with its own; null: nobody asked. */
  readonly consumer: ((namespace: string) => ConsumerIr) | null;
}

export function makeReport(
  parsed: ParsedRequest,
  explanation: Explanation<string> | null,
  context: ReportContext,
): ExplainReport {
  const { view, receivedPath, refusal } = parsed;
  const winner = explanation?.winner ?? null;
  return {
    request: {
      method: view.method,
      host: view.host,
      listener: view.listener,
      clientAddress: view.clientAddress,
      receivedPath,
      path: refusal === null ? view.path : '',
      normalisation: refusal === null ? describeNormalisation(receivedPath, view.path) : [],
      query: view.query,
    },
    refusal,
    winner: winner === null ? null : reportWinner(winner, parsed, context),
    candidates: (explanation?.candidates ?? []).map(({ entry, loss }) => ({
      ...reportEntry(entry, context),
      loss,
      why: describeLoss(loss, entry, view),
    })),
    generation: context.generation,
  };
}

function reportWinner(
  entry: CompiledEntry<string>,
  { view }: ParsedRequest,
  context: ReportContext,
): WinnerReport {
  const { route, ir, action } = entry.rule;
  const phaseIn = ({ name, config }: PolicyRef): Phase | null => {
    const spec = context.catalogue.get(name);
    return spec === undefined ? null : phaseOf(spec, config);
  };
  const consumer = context.consumer?.(route.origin.object.namespace) ?? null;
  const isFound = ir.policies.some((ref) => ref.shadow !== true && phaseIn(ref) === 'authn');
  const closed = consumer?.policies?.closed ?? null;
  const own = isFound && closed === null ? (consumer?.policies?.refs ?? []) : [];
  const policies = [...ir.policies, ...own]
    .map((ref) => ({
      ...{ name: ref.name, phase: phaseIn(ref), shadow: ref.shadow === true },
      origin: place(ref.origin, context),
    }))
    .sort((a, b) => phaseIndex(a.phase) - phaseIndex(b.phase));
  return {
    ...reportEntry(entry, context),
    routeOrigin: place(route.origin, context),
    ruleOrigin: place(ir.origin, context),
    policies,
    consumer: consumer && { key: consumer.key, isFound, closed: closed?.message ?? null },
    action: reportAction(action, entry, view, context),
  };
}

function reportEntry(entry: CompiledEntry<string>, context: ReportContext): EntryReport {
  const { route, ir } = entry.rule;
  const index = ir.matches.indexOf(entry.match);
  const fieldPath = `${ir.origin.fieldPath}.matches[${index}]`;
  return {
    route: route.key,
    rule: ir.name,
    host: entry.host === '' ? '*' : entry.host,
    match: printMatch(entry.match),
    origin: place({ ...ir.origin, fieldPath }, context),
  };
}

function phaseIndex(phase: Phase | null): number {
  return phase === null ? -1 : PHASES.indexOf(phase);
}

function place(origin: Origin, context: ReportContext): string {
  return describeOrigin(context.locate(origin));
}
