import { defineConfig } from 'vitest/config';

/** How long `expect.poll` waits for what is to happen: a wait for an event ends with it, so this costs nothing. */
const poll = { timeout: 30_000 };

export default defineConfig({
  test: {
    reporters: ['default', './tools/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{core,proxy,relay,operator,agent,appliance,sim,tools,bench}/**/*.test.ts'],
          // Ends what hangs; asserts nothing. A machine that others use takes ten times as long for a test.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          // These share two cores with the peers they start: one file at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll },
        },
      },
    ],
  },
});
