/** The secrets of an exchange between two steps, as they stand in its row: sealed, since any proxy may read it. */
import { z } from 'zod';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { ExchangeRecord } from '../../core/session/exchange-record.ts';
import type { PairingState } from './state.ts';

const Bytes = z.base64().transform((text) => Buffer.from(text, 'base64'));
const State = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('queued'), key: Bytes }),
  z.object({ phase: z.literal('certSent'), key: Bytes }),
  z.object({ phase: z.literal('challenged'), key: Bytes, hostSecret: Bytes, hostChallenge: Bytes }),
  z.object({ phase: z.literal('answered'), clientHash: Bytes, hostChallenge: Bytes }),
]);

/** A state that has a next step, and secrets for it. */
export type SecretState = Extract<PairingState, { phase: z.output<typeof State>['phase'] }>;

/** What of `state` its row says. */
export function sealState(state: SecretState, sealer: Sealer): Pick<ExchangeRecord, 'phase' | 'secrets'> {
  const fields = Object.entries<string | Uint8Array>({ ...state }).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
  ]);
  const text = JSON.stringify(Object.fromEntries(fields));
  return { phase: state.phase, secrets: sealer.seal(Buffer.from(text)) };
}

/** @throws GleipnirError SEAL_BROKEN when the row was sealed with another key. */
export function openState({ phase, secrets }: ExchangeRecord, sealer: Sealer): PairingState {
  if (phase === 'awaitsPin') return { phase };
  if (phase === 'over' || secrets === undefined) return { phase: 'failed', reason: 'outOfOrder' };
  return State.parse(JSON.parse(sealer.open(secrets).toString()));
}
