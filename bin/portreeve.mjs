#!/usr/bin/env node
// The release's bundle where there is one, else the sources as they are.
import { existsSync } from 'node:fs';

const OLDEST = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  process.stderr.write(
    `error: portreeve needs Node ${OLDEST} or newer, this is ${process.version}` +
      ' (in a checkout, "npm run -s portreeve -- ..." brings its own)\n',
  );
  process.exitCode = 2;
} else {
  const bundle = new URL('../dist/main.js', import.meta.url);
  await import(existsSync(bundle) ? bundle.href : new URL('../src/main.ts', import.meta.url).href);
}
