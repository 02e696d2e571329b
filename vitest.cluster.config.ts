import { defineConfig } from 'vitest/config';

/** Tests against a real Kubernetes cluster (test/cluster): they build it first, so they have a run of their own. */
export default defineConfig({
  test: {
    // What `.ci/run` counts. Written only there, so that local runs leave no files.
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    outputFile: { json: 'reports/cluster.json' },
    include: ['test/cluster/**/*.test.ts'],
    fileParallelism: false,
    // See vitest.config.ts.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
  },
});
