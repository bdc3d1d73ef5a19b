/** What the person who typed `npm start` reads: the address for Moonlight, the PIN page, what to do next. */
import type { NetworkInterfaceInfo } from 'node:os';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import type { AppliancePorts } from './appliance.ts';
import type { ApplianceConfig } from './config.ts';

export interface BannerFacts {
  config: Pick<ApplianceConfig, 'bindAddress' | 'web'>;
  ports: AppliancePorts;
  /** `os.networkInterfaces()`. */
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
  isDemo: boolean;
}

/** Text of a few lines, ending in a newline. */
export function formatBanner({ config, ports, interfaces, isDemo }: BannerFacts): string {
  const suffix = ports.http === MOONLIGHT_PORTS.http ? '' : `:${ports.http}`;
  const addresses = reachableAddresses(config.bindAddress, interfaces).map(
    (address) => wrap(address) + suffix,
  );
  const page = `http://${wrap(config.web.bindAddress)}:${ports.web}/`;
  const steps = [
    `In Moonlight, add the host ${addresses.join(' or ')}`,
    `Type the PIN that Moonlight shows into ${page}`,
    isDemo ? 'Start the app "Test card"; a key press changes the picture' : 'Start an app',
  ];
  return [
    '',
    'Gleipnir is up.',
    '',
    ...steps.map((step, index) => `  ${index + 1}. ${step}.`),
    '',
    `Open to clients: TCP ${ports.https}, ${ports.http}, ${ports.rtsp}; UDP ${ports.control}, ${ports.video}, ${ports.audio}.`,
    ...(isDemo ? ['This is the demo host; README.md says how to add your own.'] : []),
    'Stop with Ctrl-C.',
    '',
    '',
  ].join('\n');
}

/** The addresses a client can use: the one that is bound, or all of the machine's that are not internal. */
function reachableAddresses(bindAddress: string, interfaces: BannerFacts['interfaces']): string[] {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return [bindAddress];
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ internal, family, address }) => {
    return !internal && (family === 'IPv4' || (bindAddress === '::' && !address.startsWith('fe80')));
  });
  return usable.length === 0 ? ['127.0.0.1'] : usable.map(({ address }) => address);
}

function wrap(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
