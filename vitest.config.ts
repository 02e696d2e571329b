import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What `.ci/run` counts. Written only there, so that local runs leave no files.
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    outputFile: { json: 'reports/test.json' },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,test,bench,scripts}/**/*.test.ts'],
          exclude: ['test/{e2e,cluster}/**'],
          // Generous: a busy machine must not decide what is right.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          // Each starts gateways of its own; in sequence, so that a small machine doesn't time one out for another.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          // A machine that stalls for seconds must not hide what all other tests say; the log names what was run twice.
          retry: process.env.CI ? 1 : 0,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
