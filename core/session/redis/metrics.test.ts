import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { registerRedisMetrics } from './metrics.ts';
import { createStats } from './stats.ts';

it('exports what the table counted', async () => {
  const register = new Registry();
  const stats = createStats();
  registerRedisMetrics(register, stats);
  Object.assign(stats, {
    commands: 7,
    errors: 1,
    gaps: 2,
    badRows: 3,
    restored: 4,
    adopted: 5,
    lagMs: 12,
    isFollowed: true,
  });
  const text = await register.metrics();
  for (const line of [
    'gleipnir_table_commands_total 7',
    'gleipnir_table_errors_total 1',
    'gleipnir_table_gaps_total 2',
    'gleipnir_table_bad_rows_total 3',
    'gleipnir_table_restored_total 4',
    'gleipnir_table_adopted_total 5',
    'gleipnir_table_lag_seconds 0.012',
    'gleipnir_table_followed 1',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});
