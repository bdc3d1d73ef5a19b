/**
 * A vitest reporter that closes a run with why suites were skipped, as their names tell, and with the plain line
 * `N passed, N failed, N skipped`.
 */
import type { Reporter, TestModule } from 'vitest/node';

const REASON = /\(skipped: .+\)/;

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Set<string>();
    for (const module of modules) {
      if (module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== 'pending') count[state] += 1;
        if (state === 'skipped' && REASON.test(test.fullName))
          reasons.add(test.fullName.split(' > ', 1)[0] ?? '');
      }
    }
    for (const reason of reasons) process.stdout.write(`${reason}\n`);
    process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}
