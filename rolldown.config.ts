import { readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig, type Plugin } from 'rolldown';

const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/**
 * A module that is named by URL, `new URL('../proxy/thread.ts', import.meta.url)`, becomes a file of its own, and
 * the URL leads to it: that is how threads are started, from the sources and from the bundle alike.
 */
function modulesByUrl(): Plugin {
  const url = /new URL\('([^']+)\.ts', import\.meta\.url\)/g;
  return {
    name: 'modules-by-url',
    transform: {
      filter: { id: /\/src\//, code: url },
      handler(code, importer) {
        return code.replaceAll(url, (_, module: string) => {
          const id = path.resolve(path.dirname(importer), `${module}.ts`);
          const reference = this.emitFile({ type: 'chunk', id, fileName: `${path.basename(module)}.js` });
          return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`;
        });
      },
    },
  };
}

/** The release: `dist/main.js`, the command line, and `dist/thread.js`, which it runs as data-plane threads. */
export default defineConfig({
  input: { main: 'src/main.ts' },
  platform: 'node',
  // Native code can't be bundled: it stays a package, which scripts/image-tree.ts puts beside the bundle.
  external: [/^@node-rs\//],
  plugins: [modulesByUrl()],
  // The Kubernetes client's configuration is all that we use, but it imports every type of the API, a quarter of a second of start-up.
  treeshake: {
    moduleSideEffects: [{ test: /@kubernetes\/client-node\/dist\/gen\//, sideEffects: false }],
  },
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    entryFileNames: '[name].js',
    sourcemap: true,
    banner: ({ name }) => (name === 'main' ? `#!/usr/bin/env node\n// Portreeve ${version}` : ''),
  },
});
