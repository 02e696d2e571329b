import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { PolicyRef } from '../ir/route.ts';
import type { PolicyCatalogue, PolicySpec, ResolveContext } from '../pipeline/policy.ts';
import { type ResolvedConfig, resolveConfig } from '../resources/config/resolve.ts';
import { type FieldSteps, parseFieldPath } from '../resources/field-path.ts';
import { readPolicyEntry } from '../resources/gateway-route/schema.ts';
import type { ResourceValidators } from '../resources/validate/validators.ts';
import { locateInYaml, parseYaml } from '../sources/files/yaml.ts';
import { CommandError, EXIT } from './exit-code.ts';

export const CONFIG_FILE_NAME = 'portreeve.yaml';

/** The program's configuration as it stands in its file, units resolved. */
export interface FileConfig extends Omit<ResolvedConfig, 'policies'> {
  /** null: there is no file, everything is a default. */
  readonly file: string | null;
  readonly policies: readonly PolicyRef[];
}

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
  return { ...resolved, file, policies: globalPolicies(resolved.policies, shown, text, catalogue, fail) };
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
    const refuse = (kind: string, field: string) =>
      fail([
        {
          steps: [...steps, name, field],
          message: `a policy of every route is in no namespace, so it can't refer to a ${kind}: write it out here`,
        },
      ]);
    const context: ResolveContext = {
      id: `${shadow ? 'shadow ' : ''}policies[${index}]`,
      shadow,
      namespace: '',
      referred: (kind, _, field) => refuse(kind, field),
      secret: (_, field) => refuse('Secret', field),
      document: (_, field) => refuse('ConfigMap', field),
      file: (_, field) => refuse('file', field),
    };
    const object = { kind: 'GatewayConfig', namespace: '', name: 'portreeve' };
    const location = { file, ...locateInYaml(text, steps) };
    return {
      name,
      config: resolved(spec, config, context, (message) =>
        fail([{ steps: [...steps, name], message: `${name}: ${message}` }]),
      ),
      origin: { object, fieldPath: `policies[${index}]`, location },
      ...(shadow ? { shadow } : {}),
    };
  });
}

function resolved(
  spec: PolicySpec,
  config: unknown,
  context: ResolveContext,
  fail: (message: string) => never,
): unknown {
  try {
    return spec.resolve?.(config, context) ?? config;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    return fail((error as Error).message);
  }
}

function place(file: string, text: string, steps: FieldSteps): string {
  const { line, column } = locateInYaml(text, steps);
  return `${file}:${line}:${column}`;
}
