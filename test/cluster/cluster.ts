/** Command line of the local cluster; see {@link usage}. */
import { parseArgs } from 'node:util';
import type { LocalCluster } from './api.ts';
import { ensureBinaries } from './binaries.ts';
import { clientEnvironment } from './clients.ts';
import { runAttached } from './command.ts';
import { componentNames } from './components.ts';
import { defaultDir, layoutOf } from './layout.ts';
import { downLocal, openLocal, startLocal } from './local.ts';
import { stderrProgress } from './progress.ts';

const usage = `usage: node test/cluster/cluster.ts COMMAND [--dir DIR]
  up              bring a cluster up (the first time builds it, about ten minutes)
  down            end it and remove all of it, also after a crash
  status          which components run; exit code 1 when one does not
  build           build what is not in the cache yet
  exec -- CMD...  run a program inside its network, with KUBECONFIG, kubectl and helm
  kubeconfig      print the path of the kubeconfig
DIR is ${defaultDir} by default.
`;

async function main(argv: readonly string[]): Promise<number> {
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const rest = separator === -1 ? [] : argv.slice(separator + 1);
  const { values, positionals } = parseArgs({
    args: [...own],
    options: { dir: { type: 'string', default: defaultDir }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  const [command, ...more] = positionals;
  const wanted = command === 'exec' ? [...more, ...rest] : more;
  if (values.help || command === undefined || (command !== 'exec' && wanted.length > 0)) {
    process.stderr.write(usage);
    return values.help ? 0 : 2;
  }
  return await perform(command, values.dir, wanted);
}

async function perform(command: string, dir: string, args: readonly string[]): Promise<number> {
  switch (command) {
    case 'up':
      await startLocal({ dir, outliveProcess: true });
      return 0;
    case 'down':
      if (!(await downLocal(dir))) process.stderr.write(`no cluster in ${dir}\n`);
      return 0;
    case 'status':
      return status(await opened(dir));
    case 'build':
      await ensureBinaries(stderrProgress());
      return 0;
    case 'exec':
      return await exec(await opened(dir), args);
    case 'kubeconfig':
      process.stdout.write(`${(await opened(dir)).kubeconfigPath}\n`);
      return 0;
    default:
      process.stderr.write(usage);
      return 2;
  }
}

async function opened(dir: string): Promise<LocalCluster> {
  const cluster = await openLocal(dir, false);
  if (cluster === undefined) throw new Error(`no cluster is up in ${dir}`);
  return cluster;
}

function status(cluster: LocalCluster): number {
  const running = cluster.running();
  for (const name of componentNames) {
    process.stdout.write(`${name.padEnd(24)} ${running.includes(name) ? 'running' : 'NOT RUNNING'}\n`);
  }
  return running.length === componentNames.length ? 0 : 1;
}

async function exec(cluster: LocalCluster, args: readonly string[]): Promise<number> {
  if (args.length === 0) throw new Error('exec wants a program: exec -- CMD ARGS...');
  const binaries = await ensureBinaries(stderrProgress());
  const environment = clientEnvironment(layoutOf(cluster.dir), binaries);
  return await runAttached('nsenter', [`--target=${cluster.netnsPid}`, '--net', '--', ...args], environment);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
