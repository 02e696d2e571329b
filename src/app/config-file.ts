import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Origin } from '../ir/origin.ts';
import type { PolicyRef } from '../ir/route.ts';
import type { PolicyCatalogue, PolicySpec, ResolveContext } from '../pipeline/policy.ts';
import { type ResolvedConfig, resolveConfig } from '../resources/config/resolve.ts';
import { type FieldSteps, formatFieldPath, parseFieldPath } from '../resources/field-path.ts';
import { readPolicyEntry } from '../resources/gateway-route/schema.ts';
import type { ResourceValidators } from '../resources/validate/validators.ts';
import { locateInYaml, parseYaml } from '../sources/files/yaml.ts';
import type { CertificateRef } from '../translate/options.ts';
import { CommandError, EXIT } from './exit-code.ts';

export const CONFIG_FILE_NAME = 'portreeve.yaml';

/** The program's configuration as it stands in its file, units resolved. */
export interface FileConfig extends Omit<ResolvedConfig, 'policies' | 'certificates'> {
  /** null: there is no file, everything is a default. */
  readonly file: string | null;
  readonly policies: readonly PolicyRef[];
  readonly certificates: readonly CertificateRef[];
}

/** What findings about this file are about. */
const OBJECT = { kind: 'GatewayConfig', namespace: '', name: 'portreeve' };

/**
 * The file that configures the program: the one that is named, else `portreeve.yaml` beside the folder, else
 * the one in it.
 * @throws CommandError when the one that is named can't be read.
 */
export async function findConfigFile(directory: string, named: string | null): Promise<string | null> {
  const candidates =
    named === null
      ? [path.join(directory, '..', CONFIG_FILE_NAME), path.join(directory, CONFIG_FILE_NAME)]
      : [named];
  for (const candidate of candidates) {
    const readable = await access(candidate).then(
      () => true,
      () => false,
    );
    if (readable) return candidate;
  }
  if (named !== null)
    throw new CommandError(EXIT.usage, `${named}: error: there is no such file (see --config-file)`);
  return null;
}

/** @throws CommandError with a line for everything that is wrong. */
export async function readConfigFile(
  file: string | null,
  catalogue: PolicyCatalogue,
  validators: ResourceValidators,
): Promise<FileConfig> {
  const text = file === null ? '' : await readFile(file, 'utf8');
  const shown = file ?? CONFIG_FILE_NAME;
  const fail = (problems: readonly { steps: FieldSteps; message: string }[]): never => {
    const lines = problems.map(({ steps, message }) => `${place(shown, text, steps)}: error: ${message}`);
    throw new CommandError(EXIT.invalid, lines.join('\n'));
  };
  const parsed = parseYaml(text);
  if (!parsed.ok) {
    const { line, column } = parsed.position;
    throw new CommandError(EXIT.invalid, `${shown}:${line}:${column}: error: ${parsed.message}`);
  }
  const checked = validators.validateConfig(parsed.value ?? {});
  if (!checked.ok) {
    return fail(
      checked.errors.map(({ fieldPath, message }) => ({
        steps: parseFieldPath(fieldPath),
        message: fieldPath === '' ? message : `${fieldPath}: ${message}`,
      })),
    );
  }
  const resolved = resolveConfig(checked.value);
  const certificates = resolved.certificates.map(({ steps, ...certificate }) => ({
    ...certificate,
    origin: originOf(steps, shown, text),
  }));
  const policies = globalPolicies(resolved.policies, shown, text, catalogue, fail);
  return { ...resolved, file, policies, certificates };
}

function originOf(steps: FieldSteps, file: string, text: string): Origin {
  return {
    object: OBJECT,
    fieldPath: formatFieldPath(steps),
    location: { file, ...locateInYaml(text, steps) },
  };
}

function globalPolicies(
  entries: ResolvedConfig['policies'],
  file: string,
  text: string,
  catalogue: PolicyCatalogue,
  fail: (problems: readonly { steps: FieldSteps; message: string }[]) => never,
): readonly PolicyRef[] {
  return entries.map((entry, index) => {
    const { name, config, shadow } = readPolicyEntry(entry);
    const steps = ['policies', index];
    const spec = catalogue.get(name);
    if (spec === undefined) return fail([{ steps, message: `there is no policy "${name}"` }]);
    const context: ResolveContext = {
      id: `${shadow ? 'shadow ' : ''}policies[${index}]`,
      shadow,
      namespace: '',
      referred: () => null,
      secret: () => null,
      document: () => null,
      file(_, field) {
        throw new Error(
          `${field}: a policy of every route can't refer to a file of the folder: use a ConfigMap`,
        );
      },
    };
    // What it refers to comes later, and may change: this only finds out what can never be.
    tryResolve(spec, config, context, (message) =>
      fail([{ steps: [...steps, name], message: `${name}: ${message}` }]),
    );
    return {
      name,
      config,
      origin: originOf(steps, file, text),
      ...(shadow ? { shadow } : {}),
    };
  });
}

function tryResolve(
  spec: PolicySpec,
  config: unknown,
  context: ResolveContext,
  fail: (message: string) => never,
): void {
  try {
    spec.resolve?.(config, context);
  } catch (error) {
    fail((error as Error).message);
  }
}

function place(file: string, text: string, steps: FieldSteps): string {
  const { line, column } = locateInYaml(text, steps);
  return `${file}:${line}:${column}`;
}
