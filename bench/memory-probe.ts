/**
 * Loaded before the appliance (`--import`) when its memory is measured: answers what the process holds, after a
 * full garbage collection. Needs `--expose-gc`.
 */
import { serve } from './child.ts';
import { collect } from './collect.ts';

/** What a probed process can be asked. */
export type ProbeCommands = typeof probeCommands;

const probeCommands = { memory: collect };

serve(probeCommands);
process.channel?.unref();
