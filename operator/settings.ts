/** Everything that an operator of its own can be told by its environment. */
import { z } from 'zod';
import { DurationMs, IpAddress, Port, wholeNumber } from '../core/runtime/config.ts';
import { healthPort, PART_VARIABLES, PartName } from '../core/runtime/part-settings.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { REDIS_CONFIG } from '../core/session/redis/config.ts';
import { KUBERNETES_VARIABLES } from '../core/store/kubernetes/config.ts';

export const OperatorEnvironment = z.object({
  OPERATOR_NAME: PartName.describe('Of this operator, unique; under Kubernetes the name of its pod.'),
  OPERATOR_HOSTS_FILE: z.string().min(1).default('hosts.yaml').describe('The static hosts.'),
  OPERATOR_RTSP_PORT: Port.default(MOONLIGHT_PORTS.rtsp).describe(
    'Public RTSP port of the relays, told to clients.',
  ),
  OPERATOR_UPSTREAM_ADDRESS: IpAddress.default('0.0.0.0').describe(
    'Address that relays use towards hosts; the public one where relays take it over from each other.',
  ),
  OPERATOR_SLOTS_MAX: wholeNumber(1, 4_000)
    .default(1_000)
    .describe('Upstream slots, i.e. sessions per host; as the relays have them.'),
  OPERATOR_GRACE_MS: DurationMs.default(600_000).describe('How long a game without a player is kept.'),
  OPERATOR_HEALTH_PORT: healthPort(47_993),
  ...PART_VARIABLES,
  ...REDIS_CONFIG,
  ...KUBERNETES_VARIABLES,
});
export type OperatorEnvironment = z.output<typeof OperatorEnvironment>;

/** How the names of our variables begin; any other name with such a beginning is refused. */
export const SETTING_PREFIXES = ['OPERATOR_', 'REDIS_', 'DEPLOYMENT_', 'HEALTH_'];
