import type { CompiledEntry, Explanation, Loss } from '../../compile/table.ts';
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
  readonly action: ActionReport;
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
  const policies = ir.policies
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
