/** What the person who typed `npm start` reads: the address for Moonlight, the PIN page, the hosts, what to do next. */
import type { NetworkInterfaceInfo } from 'node:os';
import type { HostState } from '../core/host/catalog.ts';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { bracketed, isWildcard, reachableAddresses, typedAddress } from '../core/runtime/reachable.ts';
import type { AppliancePorts } from './appliance.ts';
import type { ApplianceConfig } from './config.ts';

/** How a host was, when it was asked. */
export type HostAnswer = Pick<HostState, 'name' | 'state' | 'problem'>;

export interface BannerFacts {
  config: Pick<ApplianceConfig, 'bindAddress' | 'externalAddress' | 'web'>;
  ports: AppliancePorts;
  /** `os.networkInterfaces()`. */
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
  hosts: readonly HostAnswer[];
  /** How long the hosts had time to answer, seconds. */
  waitedSeconds: number;
  isDemo: boolean;
}

/** Text of a few lines, ending in a newline. */
export function formatBanner(facts: BannerFacts): string {
  const { config, ports, hosts, waitedSeconds, isDemo } = facts;
  const page = `http://${bracketed(config.web.bindAddress)}:${ports.web}/`;
  const isAnyUp = hosts.some(({ state }) => state !== 'down');
  const steps = [
    whereToAdd(facts),
    `Type the PIN that Moonlight shows into ${page}`,
    ...(isDemo ? ['Start the app "Test card"; a key press changes the picture'] : []),
    ...(!isDemo && isAnyUp ? ['Start an app'] : []),
  ];
  return [
    '',
    'Gleipnir is up.',
    '',
    ...steps.map((step, index) => `  ${index + 1}. ${step}.`),
    '',
    ...(isDemo ? [] : [`${describeHosts(hosts, waitedSeconds)}.`]),
    `Open to clients: TCP ${ports.https}, ${ports.http}, ${ports.rtsp}; UDP ${ports.control}, ${ports.video}, ${ports.audio}.`,
    ...(isDemo ? ['This is the demo host; README.md says how to add your own.'] : []),
    'Stop with Ctrl-C.',
    '',
    '',
  ].join('\n');
}

/** How many hosts answer, and why the others do not: `1 of 2 hosts answers: attic (refused)`. */
export function describeHosts(hosts: readonly HostAnswer[], waitedSeconds: number): string {
  const away = hosts.filter(({ state }) => state === 'down');
  const reasons = away.map(({ name, problem }) => {
    const words = problem?.split(':', 1)[0] ?? `no answer for ${waitedSeconds} s`;
    return `${name} (${words})`;
  });
  const count = `${hosts.length - away.length} of ${hosts.length} hosts answer`;
  const unpaired = hosts.filter(({ state }) => state === 'unpaired').map(({ name }) => name);
  return [
    reasons.length === 0 ? count : `${count}: ${reasons.join(', ')}`,
    ...(unpaired.length === 0 ? [] : [`pair with ${unpaired.join(', ')}: the console shows what to type`]),
  ].join('; ');
}

function whereToAdd({ config, ports, interfaces }: BannerFacts): string {
  const spell = (address: string): string => typedAddress(address, ports.http, MOONLIGHT_PORTS.http);
  const addresses = reachableAddresses(config.bindAddress, interfaces);
  const away =
    config.externalAddress === undefined ? '' : ` (away from home: ${spell(config.externalAddress)})`;
  if (addresses.length > 0) return `In Moonlight, add the host ${addresses.map(spell).join(' or ')}${away}`;
  const own = isWildcard(config.bindAddress) ? '127.0.0.1' : config.bindAddress;
  return `In Moonlight on this machine, add the host ${spell(own)}; others cannot reach it${away}`;
}
